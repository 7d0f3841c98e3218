/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* trial_file: STATE/settings.json, one JSON object with what a struct trial has to remember. */
#include "spoke/control/trial.h"

#define TRIAL_FILE_MAX_BYTES 8192u

/* ERR_NOTFOUND; ERR_CORRUPT: it is no such file. `t` is left alone on failure. */
enum err trial_file_load(struct trial *t, const char *path) must_check;
/* As file_write_atomic(). */
enum err trial_file_save(const struct trial *t, const char *path) must_check;
