/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/ipc/nudge_msg.h"

void nudge_revision_encode(const struct nudge_revision *m, struct cursor *c)
{
	cursor_put_u64(c, m->revision);
}

enum err nudge_revision_decode(struct cursor *c, struct nudge_revision *m)
{
	m->revision = cursor_get_u64(c);
	return cursor_end(c);
}

void nudge_node_encode(const struct nudge_node *m, struct cursor *c) { cursor_put_u32(c, m->id); }

enum err nudge_node_decode(struct cursor *c, struct nudge_node *m)
{
	m->id = cursor_get_u32(c);
	return cursor_end(c);
}
