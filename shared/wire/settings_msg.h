/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* settings_msg: JSON of the messages `settings` and `settings-state`; for control.c. */
#include "shared/wire/control.h"
#include "shared/wire/fields.h"

void settings_msg_put(const struct control_msg *m, struct fields_out *o);
void settings_msg_get(struct fields *f, struct control_msg *m);
void settings_msg_put_state(const struct control_msg *m, struct fields_out *o);
void settings_msg_get_state(struct fields *f, struct control_msg *m);
