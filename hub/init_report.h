/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* init_report: tells the admin what `init` has made, in words or as JSON. */
#include "hub/init_options.h"

struct init_report {
	const struct paths *paths;
	const struct init_options *options;
	const struct node *hub;
	const struct public_key *identity; /* the hub's */
	const char *token;                 /* the API token, shown only here */
	const char *password;              /* of the user "admin" */
};

/* On standard output. ERR_NOMEM. */
enum err init_report_print(const struct init_report *r) must_check;
