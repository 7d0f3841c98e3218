/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The status socket of a whole control worker. */
#include "worker_world.h"

static int status_listen(struct world *x)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/s", x->root);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 2 * STATUS_CLIENTS_MAX), 0);
	x->w.fds.listen_unix = fd;
	return fd;
}

static int status_connect(struct world *x)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/s", x->root);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static int client_fd;
static char answer[65536];
static size_t answer_len;
static bool answer_ended;

static bool read_answer(struct world *x)
{
	ssize_t n;

	(void)x;
	while ((n = recv(client_fd, answer + answer_len, sizeof(answer) - 1 - answer_len, 0)) > 0)
		answer_len += (size_t)n;
	answer_ended |= n == 0;
	answer[answer_len] = '\0';
	return answer_ended || strstr(answer, "\"done\":true") || strstr(answer, "\"done\": true");
}

/* Sends bytes, and returns what came back until a last line or the end. */
static const char *ask(struct world *x, const void *p, size_t n)
{
	client_fd = status_connect(x);
	answer_len = 0;
	answer_ended = false;
	answer[0] = '\0';
	assert_int_equal(send(client_fd, p, n, MSG_NOSIGNAL), n);
	wait_until(read_answer, 2 * WAIT_MS);
	close(client_fd);
	return answer;
}

static void hostile_lines(void **state)
{
	static const struct {
		const char *line, *words;
	} rows[] = {
		{ "\n", "bad_request" },
		{ "{}\n", "bad_request" },
		{ "[]\n", "bad_request" },
		{ "nonsense\n", "bad_request" },
		{ "{\"cmd\": 1}\n", "bad_request" },
		{ "{\"cmd\": \"shutdown\"}\n", "unknown_command" },
		{ "{\"cmd\": \"ping\"}\n", "bad_request" },
		{ "{\"cmd\": \"ping\", \"node\": 1}\n", "bad_request" },
		{ "{\"cmd\": \"ping\", \"node\": \"bergen\", \"count\": 0}\n", "bad_request" },
		{ "{\"cmd\": \"ping\", \"node\": \"bergen\", \"count\": 1001}\n", "bad_request" },
		{ "{\"cmd\": \"ping\", \"node\": \"bergen\", \"count\": \"x\"}\n", "bad_request" },
		{ "{\"cmd\": \"ping\", \"node\": \"nobody\"}\n", "unknown_node" },
		{ "{\"cmd\": \"ping\", \"node\": \"oslo\"}\n", "unknown_node" },
		{ "{\"cmd\": \"status\"}\n", "\"network\":\"testnet\"" },
		{ "{\"cmd\": \"ping\", \"node\": \"bergen\"}\n", "\"rtt_us\":12300" },
		{ "{\"cmd\": \"disconnect\"}\n", "bad_request" },
		{ "{\"cmd\": \"disconnect\", \"node\": \"nobody\"}\n", "unknown_node" },
		{ "{\"cmd\": \"disconnect\", \"node\": \"oslo\"}\n", "unknown_node" },
		{ "{\"cmd\": \"disconnect\", \"node\": \"bergen\"}\n", "\"forgotten\":1" },
		{ "{\"cmd\": \"purge\"}\n", "\"forgotten\":3" },
	};
	struct world *x = *state;
	char *line = malloc(3 * STATUS_LINE_MAX_BYTES);

	status_listen(x);
	start(x);
	expect("ack 7");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = ask(x, rows[i].line, strlen(rows[i].line));

		if (!strstr(got, rows[i].words))
			fail_msg("row %zu: \"%s\" does not say \"%s\"", i, got, rows[i].words);
	}
	/* Longer than a line may be, with and without an end. */
	memset(line, 'x', 3 * STATUS_LINE_MAX_BYTES);
	assert_non_null(strstr(ask(x, line, STATUS_LINE_MAX_BYTES), "too long"));
	line[2 * STATUS_LINE_MAX_BYTES] = '\n';
	ask(x, line, 3 * STATUS_LINE_MAX_BYTES);
	/* Deep nesting, NUL bytes, bytes above 127. */
	memset(line, '[', 4000);
	line[4000] = '\n';
	assert_non_null(strstr(ask(x, line, 4001), "bad_request"));
	assert_non_null(strstr(ask(x, "{\"cmd\":\"a\0b\"}\n", 14), "error"));
	assert_non_null(strstr(ask(x, "\377\376\n", 3), "bad_request"));
	assert_non_null(strstr(ask(x, rows[13].line, strlen(rows[13].line)), "\"rx_bytes\":4711"));
	assert_non_null(strstr(answer, "\"crypto\":\"aes-256-gcm/openssl\""));
	assert_non_null(strstr(answer, "\"offloads\":[\"tun-tso\",\"udp-gro\"]"));
	free(line);
}

static bool all_places_are_taken(struct world *x)
{
	return ((struct spoke *)x->w.state)->status.n_clients == STATUS_CLIENTS_MAX;
}

static bool nobody_is_connected(struct world *x)
{
	return ((struct spoke *)x->w.state)->status.n_clients == 0;
}

static void clients_are_bounded(void **state)
{
	struct world *x = *state;
	struct spoke *s;
	int fds[2 * STATUS_CLIENTS_MAX];

	status_listen(x);
	s = start(x);
	expect("ack 7");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = status_connect(x);
	assert_true(wait_until(all_places_are_taken, WAIT_MS));
	wait_until(never, 50);
	assert_int_equal(s->status.n_clients, STATUS_CLIENTS_MAX);
	assert_non_null(strstr(ask(x, "", 0), "\"error\":\"busy\""));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	assert_true(wait_until(nobody_is_connected, WAIT_MS));
	assert_non_null(strstr(ask(x, "{\"cmd\":\"status\"}\n", 17), "testnet"));
}

static void status_without_an_engine(void **state)
{
	static const char both[] = "{\"cmd\":\"status\"}\n{\"cmd\":\"ping\",\"node\":\"bergen\"}\n";
	struct world *x = *state;

	status_listen(x);
	start(x);
	expect("ack 7");
	detach_engine(x);
	assert_non_null(strstr(ask(x, both, sizeof(both) - 1), "\"engine\":null"));
	assert_non_null(strstr(answer, "\"engine_error\":\"the data plane does not run"));
	wait_until(never, 20);
	assert_non_null(strstr(ask(x, both + 17, sizeof(both) - 18), "no_engine"));
}

static void send_path(uint32_t id, enum path_kind path)
{
	struct engine_path m = { .id = id, .path = path, .reason = PATH_REASON_RELAYED };
	uint8_t mem[128];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_path_encode(&m, &c);
	assert_int_equal(channel_send(world->engine, ENGINE_PATH, mem, cursor_pos(&c), -1), ERR_OK);
}

/* Each status is answered in time, with what is known; what comes too late counts for nothing. */
static void status_of_a_silent_engine(void **state)
{
	static const char line[] = "{\"cmd\":\"status\"}\n";
	static const char late[] = "\"engine_error\":\"the data plane did not answer in time";
	struct world *x = *state;

	status_listen(x);
	start(x);
	expect("ack 7");
	send_path(3, PATH_HUB_UDP);
	x->silent = true;
	assert_non_null(strstr(ask(x, line, sizeof(line) - 1), late));
	assert_non_null(strstr(answer, "\"engine\":null"));
	assert_non_null(strstr(answer, "\"path\":\"hub-udp\""));
	assert_non_null(strstr(answer, "\"reason_id\":\"no-answer\""));
	answer_status(x->status_tag);
	x->silent = false;
	x->rows_only = true;
	assert_non_null(strstr(ask(x, line, sizeof(line) - 1), late));
	assert_non_null(strstr(answer, "\"rx_bytes\":4711"));
	x->rows_only = false;
	assert_non_null(strstr(ask(x, line, sizeof(line) - 1), "\"engine_error\":null"));
	assert_null(strstr(answer, "no-answer"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(hostile_lines),
		CASE(clients_are_bounded),
		CASE(status_without_an_engine),
		CASE(status_of_a_silent_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
