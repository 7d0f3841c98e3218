/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* access: the part of the store's interface that says who may use the hub; see store.h, which
 * includes it. */
#include "hub/store/store.h"

/* --- API tokens (bearer) --- */
struct store_api_token {
	uint32_t id;
	char name[NAME_SIZE];
	uint8_t hash[32];
	char role[16];
	char scopes[STORE_TEXT_SIZE];
	int64_t created_ms, expires_ms, revoked_ms, used_ms;
};
enum err store_api_token_put(struct store *s, struct store_api_token *t) must_check;
enum err store_api_token_find(struct store *s, const uint8_t hash[32],
			      struct store_api_token *out) must_check;
enum err store_api_token_get(struct store *s, uint32_t id, struct store_api_token *out) must_check;
enum err store_api_token_revoke(struct store *s, uint32_t id) must_check; /* ERR_NOTFOUND */
typedef enum err (*store_api_token_cb)(void *arg, const struct store_api_token *t);
enum err store_api_tokens_list(struct store *s, uint32_t after_id, uint32_t limit,
			       store_api_token_cb cb, void *arg) must_check;
enum err store_api_token_used(struct store *s, uint32_t id, int64_t at_ms) must_check;

/* --- users, and their sessions --- */
#define STORE_SESSIONS_MAX 16u /* of one user; the oldest go */
struct store_user {
	uint32_t id;
	char name[NAME_SIZE];
	char role[16];
	char password_hash[STORE_TEXT_SIZE]; /* "": none, cannot sign in with a password */
	bool disabled;
	bool has_totp;
	uint8_t totp_secret[20];
	bool totp_enabled;
	int64_t totp_step; /* of the last code that was taken */
	int64_t created_ms, updated_ms, signed_in_ms;
};
/* A new one (id 0) gets its id; otherwise the row is replaced. ERR_EXISTS: the name is taken. */
enum err store_user_put(struct store *s, struct store_user *u) must_check;
enum err store_user_get(struct store *s, uint32_t id, struct store_user *out) must_check;
enum err store_user_find(struct store *s, const char *name, struct store_user *out) must_check;
enum err store_user_remove(struct store *s, uint32_t id) must_check; /* with its sessions */
typedef enum err (*store_user_cb)(void *arg, const struct store_user *u);
enum err store_users_list(struct store *s, uint32_t after_id, uint32_t limit, store_user_cb cb,
			  void *arg) must_check;
struct store_session {
	uint8_t hash[32];
	uint32_t user_id;
	int64_t created_ms, expires_ms;
};
/* Also removes those of all users that are over by then (x->created_ms). */
enum err store_session_put(struct store *s, const struct store_session *x) must_check;
/* Also one that is over, or whose user is disabled: the caller judges. */
enum err store_session_find(struct store *s, const uint8_t hash[32], struct store_session *out,
			    struct store_user *user) must_check;
enum err store_session_remove(struct store *s, const uint8_t hash[32]) must_check;
enum err store_sessions_clear(struct store *s, uint32_t user_id) must_check;
