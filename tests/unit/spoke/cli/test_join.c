/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * join against a hub that we play ourselves, in a child process: success and what it writes, every
 * refusal and that it writes nothing. Needs root, as join does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "shared/base/base64.h"
#include "shared/base/file.h"
#include "shared/wire/token.h"
#include "spoke/cli/cli.h"
#include "spoke/config.h"
#include "spoke/control/cache.h"
#include "tests/unit/spoke/fake_hub.h"

enum scene {
	TAKE,
	REFUSE,
	BYE,
	SILENT,
	HANG_UP,
	GARBAGE,
	WRONG_NETWORK,
	NO_DIRECTORY,
	NOT_IN_DIRECTORY
};

struct fixture {
	char root[40];
	struct fake_hub hub;
	pid_t child;
	char token[JOIN_TOKEN_MAX_CHARS + 1];
	struct join_token t;
};

static enum scene scene;
static const char *refusal;

/* --- the hub --- */

static void send_directory(struct fake_hub *h, const struct control_join *join)
{
	struct control_msg m = { .type = CONTROL_DIRECTORY };
	struct node nodes[2];

	fake_node(&nodes[0], 1, "hq", NODE_HUB, &h->keys);
	fake_node(&nodes[1], 2, "oslo", NODE_SPOKE, &h->keys);
	nodes[1].identity_key = h->peer;
	nodes[1].tunnel_key = join->tunnel_key;
	memcpy(nodes[1].tunnel_sig, join->tunnel_sig, sizeof(nodes[1].tunnel_sig));
	fake_subnet(&nodes[1], "10.20.0.0/24", 10);
	m.directory = (struct delta){
		.from = 0, .to = 5, .n_changed = scene == NOT_IN_DIRECTORY ? 1 : 2, .changed = nodes
	};
	fake_hub_send(h, &m);
	node_fini(&nodes[0]);
	node_fini(&nodes[1]);
}

static void welcome(struct fake_hub *h, const struct control_join *join)
{
	struct control_msg m = { .type = CONTROL_WELCOME };

	fake_welcome(&m.welcome, 2, "oslo", 5);
	if (scene == WRONG_NETWORK)
		snprintf(m.welcome.network, sizeof(m.welcome.network), "other");
	fake_hub_send(h, &m);
	if (scene != NO_DIRECTORY)
		send_directory(h, join);
}

/* Is the join what it should be: the secret, and a tunnel key signed by the connection's key? */
static bool is_right(const struct fixture *f, const struct control_msg *m)
{
	return m->type == CONTROL_JOIN &&
	       memcmp(m->join.secret, f->t.secret, JOIN_SECRET_BYTES) == 0 &&
	       keys_tunnel_is_signed(&f->hub.peer, &m->join.tunnel_key, m->join.tunnel_sig);
}

static void hub_message(struct fake_hub *h, struct control_msg *m)
{
	struct control_msg out = { .type = CONTROL_ERROR };

	snprintf(out.error.code, sizeof(out.error.code), "%s", refusal ? refusal : "bad_message");
	snprintf(out.error.text, sizeof(out.error.text), "in the words of the hub: %s",
		 out.error.code);
	if (scene == REFUSE || !is_right(h->arg, m)) {
		fake_hub_send(h, &out);
	} else if (scene == BYE) {
		out = (struct control_msg){ .type = CONTROL_BYE,
					    .bye = { .reason = BYE_BUSY, .retry_after_ms = 1000 } };
		fake_hub_send(h, &out);
	} else if (scene == HANG_UP) {
		stream_close(h->stream);
		h->stream = NULL;
	} else if (scene == GARBAGE) {
		BUG_ON(stream_send(h->stream, "\0\0\0\2{]", 6) != ERR_OK);
	} else if (scene != SILENT) {
		welcome(h, &m->join);
	}
}

static void start_hub(struct fixture *f)
{
	f->hub.message = hub_message;
	f->hub.arg = f;
	f->child = fork();
	assert_true(f->child >= 0);
	if (f->child == 0) {
		struct loop *l;

		BUG_ON(loop_new(&l) != ERR_OK);
		fake_hub_start(&f->hub, l);
		loop_run(l);
		_exit(0);
	}
}

/* --- fixture --- */

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->root, sizeof(f->root), "/tmp/spoke-join-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	for (size_t i = 0; i < 3; i++) {
		static const char *const names[] = { "ETC", "STATE", "RUN" };
		char variable[32], path[64];

		snprintf(variable, sizeof(variable), "BRANCHLINE_%s", names[i]);
		snprintf(path, sizeof(path), "%s/%s", f->root, names[i]);
		setenv(variable, path, 1);
	}
	assert_int_equal(keys_generate(&f->hub.keys), ERR_OK);
	fake_hub_listen(&f->hub);
	secret_random(f->t.secret, sizeof(f->t.secret));
	f->t.hub_key = f->hub.keys.identity_public;
	snprintf(f->t.network, sizeof(f->t.network), "testnet");
	f->t.n_addresses = 1;
	snprintf(f->t.addresses[0], sizeof(f->t.addresses[0]), "127.0.0.1 %u", f->hub.port);
	assert_int_equal(token_encode(&f->t, f->token), ERR_OK);
	scene = TAKE;
	refusal = NULL;
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->child > 0) {
		kill(f->child, SIGKILL);
		waitpid(f->child, NULL, 0);
	}
	close(f->hub.listen.fd);
	nftw(f->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static int n_files;

static int count_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	(void)path;
	n_files += flag == FTW_F;
	return 0;
}

static int files_below(const char *root)
{
	n_files = 0;
	nftw(root, count_one, 8, FTW_PHYS);
	return n_files;
}

/* Runs "branchline-spoke [-n NET] join ARGS..." with what it prints in `out`. */
static int run(struct fixture *f, const char *net, char out[4096], char *const args[])
{
	struct launch l = { .program = "branchline-spoke", .net = net };
	char *argv[8] = { (char[]){ "join" } }, words[6][JOIN_TOKEN_MAX_CHARS + 4], path[64];
	int saved = dup(STDERR_FILENO), saved_out = dup(STDOUT_FILENO), code, fd;
	struct buf b;

	for (l.argc = 1; args[l.argc - 1]; l.argc++) {
		argv[l.argc] = words[l.argc - 1];
		snprintf(argv[l.argc], sizeof(words[0]), "%s", args[l.argc - 1]);
	}
	l.argv = argv;
	snprintf(path, sizeof(path), "%s.out", f->root);
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	assert_true(fd >= 0);
	fflush(NULL);
	dup2(fd, STDERR_FILENO);
	dup2(fd, STDOUT_FILENO);
	code = cli_main(&l, NULL);
	/* The process list must not show the token any more; a usage error ends at once. */
	for (int i = 0; code != LAUNCH_USAGE && i < l.argc - 1; i++)
		assert_null(strstr(words[i], "bl1_"));
	fflush(NULL);
	dup2(saved, STDERR_FILENO);
	dup2(saved_out, STDOUT_FILENO);
	close(saved);
	close(saved_out);
	close(fd);
	buf_init(&b, 4095);
	assert_int_equal(file_read(path, &b), ERR_OK);
	snprintf(out, 4096, "%s", buf_cstr(&b));
	buf_fini(&b);
	unlink(path);
	return code;
}

static void expect(struct fixture *f, const char *net, int code, const char *words,
		   char *const args[])
{
	char out[4096];
	int got = run(f, net, out, args);

	if (got != code || !strstr(out, words))
		fail_msg("exit %d (wanted %d): \"%s\" should say \"%s\"", got, code, out, words);
}
#define ARGS(...) ((char *const[]){ __VA_ARGS__, NULL })

static void read_text(const char *dir, const char *name, char out[1024])
{
	char path[PATHS_FILE_SIZE];
	struct buf b;

	buf_init(&b, 1023);
	assert_int_equal(file_read(paths_join(path, dir, name), &b), ERR_OK);
	snprintf(out, 1024, "%s", buf_cstr(&b));
	buf_fini(&b);
}

static unsigned mode_of(const char *dir, const char *name)
{
	char path[PATHS_FILE_SIZE];
	struct stat st;

	assert_int_equal(stat(paths_join(path, dir, name), &st), 0);
	return st.st_mode & 07777;
}

/* --- cases --- */

static void success_writes_everything(void **state)
{
	struct fixture *f = *state;
	char text[1024], wanted[128], key[KEY_BASE64_SIZE];
	struct spoke_config c;
	struct keys keys;
	struct paths p;
	struct cache cache;

	start_hub(f);
	expect(f, "testnet", LAUNCH_DONE, "joined network testnet as oslo", ARGS(f->token));
	assert_int_equal(paths_init(&p, "testnet", NULL), ERR_OK);
	read_text(p.etc, "spoke.conf", text);
	assert_string_equal(text, "Name = oslo\nConnectTo = hq\n");
	read_text(p.etc, "hosts/hq", text);
	snprintf(wanted, sizeof(wanted), "Address = 127.0.0.1 %u\n", f->hub.port);
	assert_string_equal(text, wanted);
	read_text(p.etc, "hub.pin", text);
	snprintf(wanted, sizeof(wanted), "%s\n",
		 base64_encode(f->hub.keys.identity_public.b, KEY_BYTES, key));
	assert_string_equal(text, wanted);
	assert_int_equal(mode_of(p.etc, "identity.key"), 0600);
	assert_int_equal(mode_of(p.etc, "tunnel.key"), 0600);
	assert_int_equal(mode_of(p.etc, ""), 0755);
	assert_int_equal(spoke_config_load(&c, &p, NULL), ERR_OK);
	assert_string_equal(c.hubs[0].addresses[0], f->t.addresses[0]);
	assert_int_equal(keys_read(&keys, c.identity_key_file, c.tunnel_key_file), ERR_OK);
	cache_init(&cache);
	assert_int_equal(cache_load(&cache, c.cache_file), ERR_OK);
	assert_true(public_key_equal(&cache_self(&cache)->identity_key, &keys.identity_public));
	assert_true(public_key_equal(&cache_self(&cache)->tunnel_key, &keys.tunnel_public));
	assert_int_equal(cache.dir.revision, 5);
	assert_true(cache.confirmed_ms > 0);
	assert_int_equal(files_below(f->root), 6);
	cache_fini(&cache);
	spoke_config_fini(&c);
	/* Once is enough. */
	expect(f, "testnet", LAUNCH_REFUSED, "has joined network testnet already", ARGS(f->token));
	assert_int_equal(files_below(f->root), 6);
	expect(f, "testnet", LAUNCH_DONE, "joined network", ARGS((char[]){ "--force" }, f->token));
	assert_int_equal(files_below(f->root), 11); /* and the five old ones beside them */
}

static void scripts_and_settings_are_kept(void **state)
{
	struct fixture *f = *state;
	char path[PATHS_FILE_SIZE], text[1024];
	struct paths p;

	start_hub(f);
	assert_int_equal(paths_init(&p, "testnet", NULL), ERR_OK);
	assert_int_equal(file_make_dir(p.etc, 0755), ERR_OK);
	assert_int_equal(
		file_write_atomic(paths_join(path, p.etc, "tinc-up"), "#!/bin/sh\n", 10, 0755),
		ERR_OK);
	static const char conf[] =
		"Name = before\n# mine\nConnectTo = hq\nConnectTo=bergen\nPort = 7001";

	assert_int_equal(file_write_atomic(paths_join(path, p.etc, "spoke.conf"), conf,
					   sizeof(conf) - 1, 0644),
			 ERR_OK);
	expect(f, NULL, LAUNCH_DONE, "\"name\": \"oslo\"", ARGS((char[]){ "--json" }, f->token));
	read_text(p.etc, "spoke.conf", text);
	assert_string_equal(text,
			    "Name = oslo\nConnectTo = hq\n# mine\nConnectTo=bergen\nPort = 7001\n");
	read_text(p.etc, "tinc-up", text);
	assert_string_equal(text, "#!/bin/sh\n");
	assert_int_equal(files_below(f->root), 8);
}

static void a_bad_spoke_conf_is_told_before_anything(void **state)
{
	struct fixture *f = *state;
	char path[PATHS_FILE_SIZE];
	struct paths p;

	assert_int_equal(paths_init(&p, "testnet", NULL), ERR_OK);
	assert_int_equal(file_make_dir(p.etc, 0755), ERR_OK);
	assert_int_equal(
		file_write_atomic(paths_join(path, p.etc, "spoke.conf"), "Prot = 1\n", 9, 0644),
		ERR_OK);
	expect(f, NULL, LAUNCH_FAILED, "spoke.conf:1", ARGS(f->token));
	assert_int_equal(files_below(f->root), 1);
}

static void bad_tokens(void **state)
{
	struct fixture *f = *state;
	char cut[JOIN_TOKEN_MAX_CHARS + 1],
		later[] = "bl2_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

	snprintf(cut, sizeof(cut), "%s", f->token);
	cut[strlen(cut) - 5] = '\0';
	expect(f, "testnet", LAUNCH_REFUSED, "not a join token", ARGS((char[]){ "hello" }));
	expect(f, "testnet", LAUNCH_REFUSED, "cut short or mistyped", ARGS(cut));
	snprintf(cut, sizeof(cut), "%s", f->token);
	cut[20] = cut[20] == 'A' ? 'B' : 'A';
	expect(f, "testnet", LAUNCH_REFUSED, "cut short or mistyped", ARGS(cut));
	expect(f, "testnet", LAUNCH_REFUSED, "token", ARGS(later));
	expect(f, "other", LAUNCH_REFUSED, "for network testnet, not for other", ARGS(f->token));
	expect(f, "testnet", LAUNCH_USAGE, "--timeout must be a whole number from 1 to 3600",
	       ARGS((char[]){ "--timeout=0" }, f->token));
	assert_int_equal(files_below(f->root), 0);
}

static void a_wrong_hub_does_not_see_the_secret(void **state)
{
	struct fixture *f = *state;
	struct keys other;

	assert_int_equal(keys_generate(&other), ERR_OK);
	f->t.hub_key = other.identity_public;
	assert_int_equal(token_encode(&f->t, f->token), ERR_OK);
	start_hub(f);
	expect(f, "testnet", LAUNCH_REFUSED, "this is not the hub that made the token: its key is",
	       ARGS(f->token));
	assert_int_equal(files_below(f->root), 0);
}

static void every_refusal_is_told(void **state)
{
	static const char *const codes[] = {
		"token_unknown",       "token_used",   "token_expired", "token_revoked",
		"token_wrong_network", "name_joined",  "node_revoked",  "store_busy",
		"store_full",          "store_failed", "bad_message"
	};
	struct fixture *f = *state;
	char words[96];

	scene = REFUSE;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		refusal = codes[i];
		start_hub(f);
		snprintf(words, sizeof(words), "in the words of the hub: %s", codes[i]);
		expect(f, "testnet", LAUNCH_REFUSED, words, ARGS(f->token));
		kill(f->child, SIGKILL);
		waitpid(f->child, NULL, 0);
	}
	f->child = 0;
	assert_int_equal(files_below(f->root), 0);
}

static void other_failures_write_nothing(void **state)
{
	static const struct {
		enum scene scene;
		int code;
		const char *words;
		const char *timeout; /* short only where it has to come */
	} rows[] = {
		{ BYE, LAUNCH_NOT_RUNNING, "busy", "60" },
		{ SILENT, LAUNCH_NOT_RUNNING, "has not answered within 1 s", "1" },
		{ NO_DIRECTORY, LAUNCH_NOT_RUNNING, "has not answered within 1 s", "1" },
		{ HANG_UP, LAUNCH_FAILED, "closed the connection", "60" },
		{ GARBAGE, LAUNCH_FAILED, "not a message", "60" },
		{ WRONG_NETWORK, LAUNCH_FAILED, "makes no sense", "60" },
		{ NOT_IN_DIRECTORY, LAUNCH_FAILED, "makes no sense", "60" },
	};
	struct fixture *f = *state;
	char timeout[16];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scene = rows[i].scene;
		start_hub(f);
		snprintf(timeout, sizeof(timeout), "--timeout=%s", rows[i].timeout);
		expect(f, "testnet", rows[i].code, rows[i].words, ARGS(timeout, f->token));
		kill(f->child, SIGKILL);
		waitpid(f->child, NULL, 0);
	}
	f->child = 0;
	assert_int_equal(files_below(f->root), 0);
}

static void the_second_address_is_tried(void **state)
{
	struct fixture *f = *state;

	memcpy(f->t.addresses[1], f->t.addresses[0], sizeof(f->t.addresses[0]));
	snprintf(f->t.addresses[0], sizeof(f->t.addresses[0]), "127.0.0.1 1");
	f->t.n_addresses = 2;
	assert_int_equal(token_encode(&f->t, f->token), ERR_OK);
	start_hub(f);
	expect(f, "testnet", LAUNCH_DONE, "joined", ARGS(f->token));
}

static void nobody_there(void **state)
{
	struct fixture *f = *state;

	snprintf(f->t.addresses[0], sizeof(f->t.addresses[0]), "127.0.0.1 1");
	assert_int_equal(token_encode(&f->t, f->token), ERR_OK);
	expect(f, "testnet", LAUNCH_NOT_RUNNING, "cannot be reached: 127.0.0.1:1", ARGS(f->token));
	assert_int_equal(files_below(f->root), 0);
}

/* The folder cannot be made: a file is where it should be. The state folder has nothing left over
 * either. */
static void a_failed_write_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	char path[64];

	snprintf(path, sizeof(path), "%s/ETC", f->root);
	assert_int_equal(file_write_atomic(path, "", 0, 0644), ERR_OK);
	start_hub(f);
	expect(f, "testnet", LAUNCH_FAILED, "", ARGS(f->token));
	assert_int_equal(files_below(f->root), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(success_writes_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(scripts_and_settings_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(a_bad_spoke_conf_is_told_before_anything, setup,
						teardown),
		cmocka_unit_test_setup_teardown(bad_tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wrong_hub_does_not_see_the_secret, setup,
						teardown),
		cmocka_unit_test_setup_teardown(every_refusal_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(other_failures_write_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(the_second_address_is_tried, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_there, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_write_leaves_nothing, setup, teardown),
	};

	if (geteuid() != 0) {
		printf("join needs root: not tested\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
