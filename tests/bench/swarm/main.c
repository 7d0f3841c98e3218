/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *   swarm seed DIR N                                                            hub stopped
 *   swarm run N REVISION SOURCE:PORT HUB:PORT FINGERPRINT TUNNEL_KEY aes|plain
 *
 * `run` answers each line of standard input by a line of JSON: "stats"; "reset" (counts from zero);
 * "flap N" (member N's link is closed and dialled anew); "stop N", "start N"; "restarted" (the hub
 * is being started anew: sessions count from now on). It ends with its input.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shared/base/base64.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "tests/bench/swarm/swarm.h"

#define LINE_MAX_BYTES 256u

struct console {
	struct loop_fd in;
	struct swarm *swarm;
	char line[LINE_MAX_BYTES];
	size_t n;
};

static bool parse_number(const char *text, unsigned long long max, unsigned long long *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && end != text && !*end && *out <= max;
}

/* --- answers --- */

/* Counts by the name of a message's type, those that are zero left out. */
static json_t *by_type(const uint64_t counts[SWARM_TYPES])
{
	json_t *o = json_object();

	for (unsigned i = 0; i < SWARM_TYPES; i++)
		if (counts[i])
			json_object_set_new(o, control_type_str((enum control_type)i),
					    json_integer((json_int_t)counts[i]));
	return o;
}

static json_t *by_reason(const uint64_t counts[SWARM_BYES])
{
	json_t *o = json_object();

	for (unsigned i = BYE_SHUTDOWN; i < SWARM_BYES; i++)
		if (counts[i])
			json_object_set_new(o, bye_reason_str((enum bye_reason)i),
					    json_integer((json_int_t)counts[i]));
	return o;
}

static uint64_t lowest_revision(const struct swarm *s)
{
	uint64_t lowest = UINT64_MAX;

	for (unsigned i = 0; i < s->n; i++)
		if (client_is_up(&s->members[i].client) && s->members[i].revision < lowest)
			lowest = s->members[i].revision;
	return lowest == UINT64_MAX ? 0 : lowest;
}

static void print_stats(const struct swarm *s)
{
	const struct tally *t = &s->tally;
	json_t *o = json_pack(
		"{s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:I, s:I, s:I, s:I}",
		"members", (int)s->n, "up", (int)s->n_up, "sessions", (int)s->n_sessions, "now_ms",
		(json_int_t)clock_now_ms(), "up_ms", (json_int_t)s->up_ms, "session_ms",
		(json_int_t)s->session_ms, "lowest_revision", (json_int_t)lowest_revision(s), "got",
		by_type(t->got), "sent", by_type(t->sent), "byes", by_reason(t->byes), "snapshots",
		(json_int_t)t->snapshots, "nodes", (json_int_t)t->nodes, "gone",
		(json_int_t)t->gone, "revoked", (json_int_t)t->revoked, "empty",
		(json_int_t)t->empty, "misfits", (json_int_t)t->misfits, "links_lost",
		(json_int_t)t->links_lost, "handshakes", (json_int_t)t->handshakes, "cookies",
		(json_int_t)t->cookies, "retries", (json_int_t)t->retries);

	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

/* --- commands --- */

static void set_link(struct swarm *s, const char *what, const char *number)
{
	unsigned long long n;
	struct client *c;

	if (!parse_number(number, s->n - 1u, &n)) {
		puts("{\"error\": \"no such member\"}");
		return;
	}
	c = &s->members[n].client;
	if (strcmp(what, "start") != 0)
		client_stop(c);
	if (strcmp(what, "stop") != 0)
		client_start(c);
	puts("{}");
}

static void command(struct swarm *s, char *line)
{
	char *space = strchr(line, ' ');

	if (space)
		*space = '\0';
	if (!strcmp(line, "stats")) {
		print_stats(s);
	} else if (!strcmp(line, "reset")) {
		s->tally = (struct tally){ 0 };
		puts("{}");
	} else if (!strcmp(line, "restarted")) {
		for (unsigned i = 0; i < s->n; i++)
			tunnel_lost(&s->members[i]);
		puts("{}");
	} else if (space &&
		   (!strcmp(line, "flap") || !strcmp(line, "stop") || !strcmp(line, "start"))) {
		set_link(s, line, space + 1);
	} else {
		puts("{\"error\": \"no such command\"}");
	}
	fflush(stdout);
}

static void typed(struct loop_fd *f, uint32_t events)
{
	struct console *c = container_of(f, struct console, in);
	ssize_t n = read(f->fd, c->line + c->n, sizeof(c->line) - 1 - c->n);
	char *end;

	(void)events;
	if (n <= 0 || c->n + (size_t)n == sizeof(c->line) - 1) {
		loop_stop(c->swarm->loop, 0);
		return;
	}
	c->n += (size_t)n;
	while ((end = memchr(c->line, '\n', c->n))) {
		*end = '\0';
		command(c->swarm, c->line);
		c->n -= (size_t)(end + 1 - c->line);
		memmove(c->line, end + 1, c->n);
	}
}

/* --- start --- */

static bool parse_fingerprint(const char *text, uint8_t out[KEY_BYTES])
{
	if (strlen(text) != 2u * KEY_BYTES)
		return false;
	for (unsigned i = 0; i < KEY_BYTES; i++)
		if (sscanf(text + 2u * i, "%2hhx", &out[i]) != 1)
			return false;
	return true;
}

static bool parse_arguments(struct swarm *s, char **argv)
{
	unsigned long long n, revision;

	if (!parse_number(argv[0], NODES_MAX, &n) || n == 0 ||
	    !parse_number(argv[1], INT64_MAX, &revision) ||
	    endpoint_parse(argv[2], 0, &s->source) || endpoint_parse(argv[3], 0, &s->hub) ||
	    !parse_fingerprint(argv[4], s->fingerprint) ||
	    base64_decode_key(argv[5], s->hub_tunnel.b))
		return false;
	s->n = (unsigned)n;
	s->revision = revision;
	s->hub_aes = strcmp(argv[6], "aes") == 0;
	return true;
}

static enum err start(struct swarm *s)
{
	enum err e = primitives_init(&s->primitives);

	if (!e)
		e = loop_new(&s->loop);
	if (!e)
		e = tunnel_open(s);
	s->members = e ? NULL : calloc(s->n, sizeof(*s->members));
	if (!e && !s->members)
		e = ERR_NOMEM;
	for (unsigned i = 0; i < s->n && !e; i++)
		e = member_init(s, i);
	for (unsigned i = 0; i < s->n && !e; i++)
		client_start(&s->members[i].client);
	return e;
}

static int run(char **argv)
{
	struct swarm s = { .udp.fd = -1 };
	struct console console = { .swarm = &s };
	struct rlimit files;
	enum err e;

	if (!parse_arguments(&s, argv)) {
		fprintf(stderr, "swarm: bad arguments\n");
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	e = start(&s);
	if (!e)
		e = loop_fd_add(s.loop, &console.in, STDIN_FILENO, EPOLLIN, typed);
	if (e) {
		fprintf(stderr, "swarm: cannot start: %s\n", err_str(e));
		return 1;
	}
	puts("{\"ready\": true}");
	fflush(stdout);
	(void)loop_run(s.loop);
	for (unsigned i = 0; i < s.n; i++)
		member_fini(&s.members[i]);
	loop_fd_del(s.loop, &console.in);
	tunnel_close(&s);
	loop_free(s.loop);
	primitives_fini(&s.primitives);
	free(s.members);
	return 0;
}

static int seed(char **argv)
{
	unsigned long long n;
	uint64_t revision;

	if (!parse_number(argv[1], NODES_MAX, &n) || seed_run(argv[0], (unsigned)n, &revision))
		return 1;
	printf("{\"revision\": %llu}\n", (unsigned long long)revision);
	return 0;
}

int main(int argc, char **argv)
{
	if (!log_open("swarm", 0, NULL))
		return 1;
	if (argc == 4 && !strcmp(argv[1], "seed"))
		return seed(argv + 2);
	if (argc == 9 && !strcmp(argv[1], "run"))
		return run(argv + 2);
	fprintf(stderr, "usage: swarm seed DIR N\n"
			"       swarm run N REVISION SOURCE:PORT HUB:PORT FINGERPRINT TUNNEL_KEY "
			"aes|plain\n");
	return 2;
}
