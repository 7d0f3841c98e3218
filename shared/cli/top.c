/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/cli/top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/base/columns.h"
#include "shared/base/units.h"

#define INTERVAL_MS      1000
#define ROWS_DEFAULT     24
#define SAME_FOR_MS      15000u /* counters that stand still for so long: nothing flows */
#define CLEAR_SCREEN     "\033[H\033[2J"
#define ALTERNATE_SCREEN "\033[?1049h\033[?25l"
#define USUAL_SCREEN     "\033[?25h\033[?1049l"

/* --- samples --- */

static struct top_row *find(struct top *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->rows[i].name, name) == 0)
			return &t->rows[i];
	return NULL;
}

static struct top_row *append(struct top *t, const char *name)
{
	struct top_row *more = realloc(t->rows, (t->n + 1) * sizeof(*more));

	if (!more)
		return NULL;
	t->rows = more;
	more = &t->rows[t->n++];
	memset(more, 0, sizeof(*more));
	snprintf(more->name, sizeof(more->name), "%s", name);
	return more;
}

static uint64_t number(const json_t *node, const char *member)
{
	json_int_t v = json_integer_value(json_object_get(node, member));

	return v > 0 ? (uint64_t)v : 0;
}

/* Rates are over the time in which the counters did not change: some are told every 10 s only. */
static void take(struct top_row *r, const json_t *node, uint64_t now_ms)
{
	const char *path = json_string_value(json_object_get(node, "path"));
	uint64_t rx = number(node, "rx_bytes"), tx = number(node, "tx_bytes");
	bool fresh = r->at_ms == 0 || rx < r->rx_bytes || tx < r->tx_bytes;

	snprintf(r->path, sizeof(r->path), "%s", path ? path : "");
	r->rtt_us = number(node, "rtt_us");
	r->seen = true;
	if (fresh || (rx == r->rx_bytes && tx == r->tx_bytes && now_ms - r->at_ms > SAME_FOR_MS)) {
		r->rx_per_s = r->tx_per_s = 0;
	} else if (rx == r->rx_bytes && tx == r->tx_bytes) {
		return;
	} else {
		double s = (double)(now_ms > r->at_ms ? now_ms - r->at_ms : 1) / 1000;

		r->rx_per_s = (double)(rx - r->rx_bytes) / s;
		r->tx_per_s = (double)(tx - r->tx_bytes) / s;
	}
	r->rx_bytes = rx;
	r->tx_bytes = tx;
	r->at_ms = now_ms;
}

enum err top_take(struct top *t, const json_t *nodes, uint64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++)
		t->rows[i].seen = false;
	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *node = json_array_get(nodes, i);
		const char *name = json_string_value(json_object_get(node, "name"));
		struct top_row *r;

		if (!name || !name_is_valid(name))
			continue;
		r = find(t, name);
		if (!r)
			r = append(t, name);
		if (!r)
			return ERR_NOMEM;
		take(r, node, now_ms);
	}
	for (size_t i = 0; i < t->n; i++)
		if (t->rows[i].seen)
			t->rows[kept++] = t->rows[i];
	t->n = kept;
	return ERR_OK;
}

void top_fini(struct top *t)
{
	free(t->rows);
	t->rows = NULL;
	t->n = 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct top_row *)a)->name, ((const struct top_row *)b)->name);
}

/* The larger first; those that are equal by name. */
static int larger_first(double x, double y, const void *a, const void *b)
{
	if (x > y)
		return -1;
	return x < y ? 1 : by_name(a, b);
}

static int by_rx(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	return larger_first(x->rx_per_s, y->rx_per_s, a, b);
}

static int by_tx(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	return larger_first(x->tx_per_s, y->tx_per_s, a, b);
}

static int by_both(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	return larger_first(x->rx_per_s + x->tx_per_s, y->rx_per_s + y->tx_per_s, a, b);
}

void top_sort(struct top *t)
{
	int (*order)(const void *, const void *) = t->order == 'n'   ? by_name
						   : t->order == 'i' ? by_rx
						   : t->order == 'o' ? by_tx
								     : by_both;

	if (t->n)
		qsort(t->rows, t->n, sizeof(t->rows[0]), order);
}

/* --- output --- */

static int print_table(const struct top *t, size_t rows)
{
	static const char *const heads[] = { "NAME",     "PATH", "RECEIVING", "SENDING",
					     "RECEIVED", "SENT", "RTT" };
	char text[UNITS_STR_SIZE];
	struct columns c;
	int code;

	columns_init(&c, 0x7cu, ARRAY_LEN(heads), heads);
	for (size_t i = 0; i < t->n && i < rows; i++) {
		const struct top_row *r = &t->rows[i];

		columns_add(&c, r->name);
		columns_add(&c, r->path);
		columns_addf(&c, "%s/s", units_bytes((uint64_t)r->rx_per_s, text));
		columns_addf(&c, "%s/s", units_bytes((uint64_t)r->tx_per_s, text));
		columns_add(&c, units_bytes(r->rx_bytes, text));
		columns_add(&c, units_bytes(r->tx_bytes, text));
		columns_add(&c, r->rtt_us ? units_rtt(r->rtt_us, text) : "");
	}
	code = columns_print(&c, stdout) ? 1 : 0;
	columns_fini(&c);
	return code;
}

static int print_json(const struct top *t)
{
	json_t *all = json_array();
	int code;

	for (size_t i = 0; i < t->n; i++) {
		const struct top_row *r = &t->rows[i];

		json_array_append_new(
			all, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "name", r->name,
				       "path", r->path, "rx_bytes", (json_int_t)r->rx_bytes,
				       "tx_bytes", (json_int_t)r->tx_bytes, "rx_per_s",
				       (json_int_t)r->rx_per_s, "tx_per_s", (json_int_t)r->tx_per_s,
				       "rtt_us", (json_int_t)r->rtt_us));
	}
	code = json_dumpf(all, stdout, JSON_INDENT(2)) || puts("") == EOF ? 1 : 0;
	json_decref(all);
	return code;
}

/* --- the terminal --- */

static volatile sig_atomic_t interrupted;

static void on_signal(int signo)
{
	(void)signo;
	interrupted = 1;
}

/* One key, or 0 when none came in time. */
static char wait_key(int ms)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char key = 0;

	if (poll(&p, 1, ms) > 0 && read(STDIN_FILENO, &key, 1) != 1)
		return 'q';
	return key;
}

static size_t screen_rows(void)
{
	struct winsize w;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row ? w.ws_row : ROWS_DEFAULT;
}

static int draw(struct top *t, const char *title)
{
	size_t rows = screen_rows();

	top_sort(t);
	printf(CLEAR_SCREEN "%s   %zu nodes   q quit, sort by: n name, i received, o sent, t "
			    "both\n\n",
	       title, t->n);
	if (print_table(t, rows > 4 ? rows - 4 : 1))
		return 1;
	return fflush(stdout) == EOF ? 1 : 0;
}

/* One sample into the table. */
static int sample(top_ask ask, void *arg, struct top *t)
{
	json_t *nodes = NULL;
	int code = ask(arg, &nodes);

	if (!code && top_take(t, nodes, clock_now_ms()) != ERR_OK)
		code = 1;
	json_decref(nodes);
	return code;
}

static int run_live(top_ask ask, void *arg, const char *title, struct top *t)
{
	struct sigaction stop = { .sa_handler = on_signal };
	struct termios usual, raw;
	int code = 0;
	char key = 0;

	if (tcgetattr(STDIN_FILENO, &usual) != 0)
		return 1;
	raw = usual;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	(void)sigaction(SIGINT, &stop, NULL);
	(void)sigaction(SIGTERM, &stop, NULL);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs(ALTERNATE_SCREEN, stdout);
	while (!code && key != 'q' && !interrupted) {
		code = sample(ask, arg, t);
		if (!code)
			code = draw(t, title);
		key = code ? 0 : wait_key(INTERVAL_MS);
		if (key && strchr("niot", key))
			t->order = key;
	}
	fputs(USUAL_SCREEN, stdout);
	fflush(stdout);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &usual);
	return code;
}

int top_run(top_ask ask, void *arg, const char *title, bool json)
{
	struct top t = { .order = 't' };
	int code;

	if (!json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
		code = run_live(ask, arg, title, &t);
	} else {
		code = sample(ask, arg, &t);
		if (!code) {
			(void)poll(NULL, 0, INTERVAL_MS);
			code = sample(ask, arg, &t);
		}
		top_sort(&t);
		if (!code)
			code = json ? print_json(&t) : print_table(&t, t.n);
	}
	top_fini(&t);
	return code;
}
