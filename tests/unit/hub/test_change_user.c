/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Users: the last admin stays one, unless somebody at the hub's own machine decides otherwise. */
#include "tests/lib/change_fixture.h"

static uint32_t add(struct network *w, const char *name, const char *role)
{
	struct store_user u = { .password_hash = "x" };

	snprintf(u.name, sizeof(u.name), "%s", name);
	snprintf(u.role, sizeof(u.role), "%s", role);
	assert_code(&w->c, change_user_add(&w->c, &u), ERR_OK, "");
	return u.id;
}

static const struct change_user_edit demote = { .role = "operator", .disabled = -1 };
static const struct change_user_edit disable = { .disabled = 1 };
static const struct change_user_edit password = { .password_hash = "y", .disabled = -1 };

static void the_last_admin_stays(void **state)
{
	struct store_user out;
	struct network w;
	uint32_t anna, bert;

	(void)state;
	network_open(&w);
	anna = add(&w, "anna", "admin");
	bert = add(&w, "bert", "operator");
	w.c.actor = "user:anna";
	assert_code(&w.c, change_user_delete(&w.c, anna), ERR_CONFLICT, "user_last_admin");
	assert_int_equal(w.c.n_uses, 1);
	assert_code(&w.c, change_user_edit(&w.c, anna, &demote, &out), ERR_CONFLICT,
		    "user_last_admin");
	assert_code(&w.c, change_user_edit(&w.c, anna, &disable, &out), ERR_CONFLICT,
		    "user_last_admin");
	assert_code(&w.c, change_user_edit(&w.c, anna, &password, &out), ERR_OK, "");
	/* One who cannot sign in is no other admin. */
	add(&w, "carl", "admin");
	assert_code(&w.c, change_user_edit(&w.c, anna + 2, &disable, &out), ERR_OK, "");
	assert_code(&w.c, change_user_delete(&w.c, anna), ERR_CONFLICT, "user_last_admin");
	assert_code(&w.c, change_user_delete(&w.c, bert), ERR_OK, "");
	add(&w, "dora", "admin");
	assert_code(&w.c, change_user_delete(&w.c, anna), ERR_OK, "");
	network_close(&w);
}

static void the_hubs_own_machine_decides(void **state)
{
	struct store_user out;
	struct network w;
	uint32_t anna;

	(void)state;
	network_open(&w);
	anna = add(&w, "anna", "admin");
	w.c.actor = "unix:root";
	assert_code(&w.c, change_user_edit(&w.c, anna, &disable, &out), ERR_OK, "");
	assert_code(&w.c, change_user_delete(&w.c, anna), ERR_OK, "");
	network_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_admin_stays),
		cmocka_unit_test(the_hubs_own_machine_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
