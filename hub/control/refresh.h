/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * refresh: the spine of a change: store -> directory -> engine, interface, links. Only calls the
 * stations in order.
 */
#include "shared/base/err.h"

struct control;

/* At the start: the whole directory, before anybody is connected. */
enum err refresh_start(struct control *c) must_check;
/* The network's settings; they come with every change of the directory, too. */
void refresh_settings(struct control *c);
/*
 * Follows the store now. After an error (counted, logged within limits) the directory is served as
 * it is.
 */
enum err refresh_now(struct control *c) must_check;
/* The same at the end of this round. */
void refresh_schedule(struct control *c);
/* Ends the links and carriers of nodes that may have none any more, or not with the key with which
 * they were opened; by the directory, and by the clock. */
void refresh_cut_links(struct control *c);
