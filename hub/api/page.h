/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* page: one page of a list, ordered by id: {items: [...], next_after: id or null}, and the Link
 * header to the next one. */
#include "hub/api/params.h"
#include "hub/api/request.h"

struct page {
	struct params_page want;
	json_t *items;
	uint32_t last_id;
	bool more; /* there are items behind this page */
};

/* Reads limit and after. When it fails the request is answered. */
enum err page_init(struct page *p, struct request *r) must_check;
void page_fini(struct page *p);
/* Adds one item (taken over). ERR_CLOSED: the page was full already, stop here. Call it for one
 * item more than the limit. */
enum err page_add(struct page *p, uint32_t id, json_t *item) must_check;
/* Answers; `e` is what the walk over the store returned (ERR_CLOSED is fine). */
void page_reply(struct page *p, struct request *r, enum err e);
