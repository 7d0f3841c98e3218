/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/auth.h"

#include <errno.h>
#include <grp.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/base64.h"
#include "shared/base/log.h"
#include "shared/base/prefix.h"
#include "shared/base/secret.h"

#define SCHEME          "Bearer "
#define GROUP_MAX_BYTES (4u << 20) /* of a group's entry with all its members */
#define USED_EVERY_MS   60000      /* "last used" of a token is written at most once a minute */

/* Finds a group by name, however many members it has. */
static bool find_group(const char *name, gid_t *out)
{
	struct group entry, *found = NULL;
	int error = ERANGE;

	for (size_t size = 4096; error == ERANGE && size <= GROUP_MAX_BYTES; size *= 4) {
		char *mem = malloc(size);

		if (!mem)
			return false;
		error = getgrnam_r(name, &entry, mem, size, &found);
		if (!error && found)
			*out = entry.gr_gid;
		free(mem);
	}
	return !error && found;
}

void auth_unix_init(struct auth_unix *u, const char *group)
{
	memset(u, 0, sizeof(*u));
	u->owner = geteuid();
	u->has_group = group && find_group(group, &u->group);
}

enum err auth_peer_read(int fd, struct auth_peer *out)
{
	struct auth_peer p = { 0 };
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return err_from_errno(errno);
	p.uid = cred.uid;
	p.gid = cred.gid;
	len = sizeof(p.groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, p.groups, &len) == 0)
		p.n_groups = (unsigned)(len / sizeof(p.groups[0]));
	*out = p;
	return ERR_OK;
}

bool auth_peer_allowed(const struct auth_unix *u, const struct auth_peer *p, uid_t own)
{
	if (p->uid == 0 || p->uid == u->owner)
		return true;
	if (!u->has_group || p->uid == own)
		return false;
	if (p->gid == u->group)
		return true;
	for (unsigned i = 0; i < p->n_groups; i++)
		if (p->groups[i] == u->group)
			return true;
	return false;
}

char *auth_peer_actor(const struct auth_peer *p, char out[AUTH_ACTOR_SIZE])
{
	struct passwd entry, *found = NULL;
	char mem[4096];

	if (getpwuid_r(p->uid, &entry, mem, sizeof(mem), &found) == 0 && found)
		snprintf(out, AUTH_ACTOR_SIZE, "unix:%.58s", entry.pw_name);
	else
		snprintf(out, AUTH_ACTOR_SIZE, "unix:uid%u", (unsigned)p->uid);
	return out;
}

void auth_token_hash(const char *token, uint8_t out[32])
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	BUG_ON(EVP_Digest(token, strlen(token), digest, NULL, EVP_sha256(), NULL) != 1);
	memcpy(out, digest, 32);
	secret_zero(digest, sizeof(digest));
}

/* `prefix` and 43 characters for 256 random bits. */
static void new_secret(const char *prefix, char out[AUTH_TOKEN_MAX_CHARS])
{
	uint8_t secret[32];
	char text[BASE64_SIZE(sizeof(secret))];

	secret_random(secret, sizeof(secret));
	snprintf(out, AUTH_TOKEN_MAX_CHARS, "%s%s", prefix,
		 base64url_encode(secret, sizeof(secret), text));
	secret_zero(secret, sizeof(secret));
	secret_zero(text, sizeof(text));
}

void auth_token_new(char out[AUTH_TOKEN_MAX_CHARS]) { new_secret(AUTH_TOKEN_PREFIX, out); }

void auth_session_new(char out[AUTH_TOKEN_MAX_CHARS]) { new_secret(AUTH_SESSION_PREFIX, out); }

/* Notes when a token was used last; a failure of that is no reason to refuse. */
static void note_use(struct store *s, const struct store_api_token *t, int64_t wall_ms)
{
	enum err e;

	if (t->used_ms && wall_ms >= t->used_ms && wall_ms - t->used_ms < USED_EVERY_MS)
		return;
	e = store_api_token_used(s, t->id, wall_ms);
	if (e)
		log_debug(1, "api: the last use of token %s could not be noted: %s", t->name,
			  err_str(e));
}

enum err auth_bearer(struct store *s, const char *header, int64_t wall_ms, struct auth_who *who)
{
	size_t prefix = sizeof(AUTH_TOKEN_PREFIX) - 1;
	struct store_api_token t = { 0 };
	const char *token;
	uint8_t hash[32];
	enum err e;

	if (!header || strncasecmp(header, SCHEME, sizeof(SCHEME) - 1) != 0)
		return ERR_AUTH;
	token = header + sizeof(SCHEME) - 1;
	token += strspn(token, " ");
	if (strncmp(token, AUTH_TOKEN_PREFIX, prefix) != 0 || strlen(token) >= AUTH_TOKEN_MAX_CHARS)
		return ERR_AUTH;
	auth_token_hash(token, hash);
	e = store_api_token_find(s, hash, &t);
	if (e == ERR_NOTFOUND || (!e && !secret_equal(hash, t.hash, sizeof(hash))))
		e = ERR_AUTH;
	else if (!e && t.revoked_ms)
		e = ERR_REVOKED;
	else if (!e && t.expires_ms && t.expires_ms <= wall_ms)
		e = ERR_EXPIRED;
	if (!e) {
		snprintf(who->actor, sizeof(who->actor), "token:%s", t.name);
		snprintf(who->scopes, sizeof(who->scopes), "%s", t.scopes);
		who->role = role_parse(t.role);
		note_use(s, &t, wall_ms);
	}
	secret_zero(hash, sizeof(hash));
	return e;
}

/* Where the value of our cookie stands in the header, or NULL. */
static const char *find_cookie(const char *header)
{
	static const char name[] = AUTH_COOKIE "=";

	while (header && *header) {
		header += strspn(header, " ;");
		if (strncmp(header, name, sizeof(name) - 1) == 0)
			return header + sizeof(name) - 1;
		header += strcspn(header, ";");
	}
	return NULL;
}

bool auth_has_cookie(const char *header) { return find_cookie(header) != NULL; }

enum err auth_session(struct store *s, const char *header, int64_t wall_ms, struct auth_who *who)
{
	const char *value = find_cookie(header);
	size_t n = value ? strcspn(value, "; ") : 0;
	char text[AUTH_TOKEN_MAX_CHARS];
	struct store_session x;
	struct store_user u;
	uint8_t hash[32];
	enum err e;

	if (n == 0 || n >= sizeof(text))
		return ERR_AUTH;
	memcpy(text, value, n);
	text[n] = '\0';
	auth_token_hash(text, hash);
	secret_zero(text, sizeof(text));
	e = store_session_find(s, hash, &x, &u);
	if (e)
		return e == ERR_NOTFOUND ? ERR_AUTH : e;
	if (!secret_equal(hash, x.hash, sizeof(hash)) || x.expires_ms <= wall_ms || u.disabled) {
		e = ERR_AUTH;
	} else {
		snprintf(who->actor, sizeof(who->actor), "user:%.58s", u.name);
		memcpy(who->session, hash, sizeof(hash));
		who->role = role_parse(u.role);
		who->user_id = u.id;
		who->expires_ms = x.expires_ms;
	}
	secret_zero(&u, sizeof(u));
	return e;
}

bool auth_is_own_page(const char *own, const char *origin, const char *host)
{
	static const char scheme[] = "https://";

	if (!own || strcmp(own, "1") != 0)
		return false;
	if (!origin)
		return true;
	return host && strncmp(origin, scheme, sizeof(scheme) - 1) == 0 &&
	       strcasecmp(origin + sizeof(scheme) - 1, host) == 0;
}

struct addr auth_user_source(const char *name)
{
	struct addr a = { .family = AF_INET6 };
	uint8_t hash[32];

	auth_token_hash(name, hash);
	memcpy(a.b, hash, sizeof(a.b));
	return a;
}

/* What a source is counted under: an IPv6 host has a whole /64 to change its address in. */
static struct addr source_of(const struct addr *a)
{
	return a->family == AF_INET6 ? prefix_of_net(a, 64).addr : *a;
}

uint64_t auth_limit_wait_ms(const struct auth_limit *l, const struct addr *source, uint64_t now_ms)
{
	struct addr a = source_of(source);
	uint64_t room = (uint64_t)AUTH_FAILURES_BURST * AUTH_FAILURE_MS;

	for (unsigned i = 0; i < AUTH_SOURCES_MAX; i++) {
		const struct auth_source *s = &l->sources[i];

		if (s->addr.family && addr_equal(&s->addr, &a) &&
		    s->full_ms + AUTH_FAILURE_MS > now_ms + room)
			return s->full_ms + AUTH_FAILURE_MS - room - now_ms;
	}
	return 0;
}

void auth_limit_failed(struct auth_limit *l, const struct addr *source, uint64_t now_ms)
{
	struct addr a = source_of(source);
	struct auth_source *slot = &l->sources[0];

	for (unsigned i = 0; i < AUTH_SOURCES_MAX; i++) {
		struct auth_source *s = &l->sources[i];

		if (s->addr.family && addr_equal(&s->addr, &a)) {
			slot = s;
			break;
		}
		if (s->full_ms < slot->full_ms)
			slot = s;
	}
	if (!addr_equal(&slot->addr, &a) || slot->full_ms < now_ms) {
		slot->addr = a;
		slot->full_ms = now_ms;
	}
	slot->full_ms += AUTH_FAILURE_MS;
}
