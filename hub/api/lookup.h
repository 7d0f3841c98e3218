/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * lookup: finding what a request names. When a function fails, the request is answered already.
 *
 * A node is named by its name or by its id. In a path or query, plain digits are an id, unless only
 * a node of that name exists; when both exist and differ the request is refused (409
 * node_ambiguous), and "id:5" or "name:5" say which is meant.
 */
#include "hub/api/request.h"

#define LOOKUP_SETTING_SIZE 4096u

/* `out` is freed by node_fini(); `meta` may be NULL. Deleted nodes are not found. */
enum err lookup_node(struct request *r, const char *text, struct node *out,
		     struct store_node_meta *meta) must_check;
/* The same for one whose id is known. */
enum err lookup_node_id(struct request *r, uint32_t id, struct node *out) must_check;
/* The same for a BODY_NODE member; a wrong one is answered with its pointer. */
enum err lookup_node_member(struct request *r, const char *member, struct node *out) must_check;
/* The id for the query parameter ?node=, 0 without one. */
enum err lookup_node_filter(struct request *r, uint32_t *id) must_check;

/* A group by name, or by id (digits only: no group is called so). */
enum err lookup_group(struct request *r, const char *text, struct store_group *out) must_check;
/* The same for a member of the body that names one. */
enum err lookup_group_member(struct request *r, const char *member,
			     struct store_group *out) must_check;
/* For a member that lists names of groups: the set of their bits, 0 without it. An unknown one is
 * refused (422 group_unknown). */
enum err lookup_groups(struct request *r, const char *member, uint64_t *out) must_check;

/* A network setting; ERR_NOTFOUND gives "" and is no failure. */
enum err lookup_setting(struct request *r, const char *key,
			char out[LOOKUP_SETTING_SIZE]) must_check;
/* The hub's own node. */
enum err lookup_hub(struct request *r, struct node *out) must_check;
