/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * The log: one line an event, to standard error, a file, or the journal.
 *
 * Levels 0 to 5 are tinc's debug levels: 0 start, stop and errors; 1 connections; 2 scripts and
 * peer status; 3 protocol messages by name; 4 their sizes; 5 single packets. Keys and tokens are
 * never logged at any level. Lines that a stranger can trigger go through a `struct log_limit`.
 */
#include <stdbool.h>
#include <stdint.h>

enum log_priority {
	LOG_PRIO_ERROR = 3,
	LOG_PRIO_WARNING = 4,
	LOG_PRIO_NOTICE = 5,
	LOG_PRIO_INFO = 6,
	LOG_PRIO_DEBUG = 7
};

/*
 * Starts the log of this process. `program` is put before every line ("branchline-hub[engine]");
 * kept by reference. `level` is 0..5. `path` is a file to append to (no link, whatever it leads
 * to), or NULL for standard error.
 * With standard error connected to the journal (JOURNAL_STREAM set) each line starts with
 * "<priority>" as sd-daemon(3) describes, and without a time stamp. Returns false when the file
 * cannot be opened (errno says why).
 */
bool log_open(const char *program, int level, const char *path);

/* Renames the process in the log after a fork. `program` is kept by reference. */
void log_rename(const char *program);
#define LOG_LEVEL_MAX 5
void log_set_level(int level);
int log_level(void);
/* Is a line of this level (0..5) wanted by anybody: the log, or the tap? */
bool log_wants(int level);

/*
 * The tap: a second reader of the lines, at a level of its own, while an admin follows the log
 * (monitor/log_tap.h). `fd` is one end of a pair of SOCK_SEQPACKET sockets, taken over; -1 keeps
 * the one that is there. `level` -1 closes it. Each line is one message of at most
 * LOG_TAP_MAX_BYTES: "LEVEL PRIORITY LOST WALL_MS PROGRAM\n" and the text; LOST lines before it did
 * not fit. The reader never keeps us waiting, and is forgotten when it has gone.
 */
#define LOG_TAP_MAX_BYTES 2304u
void log_tap(int fd, int level);
/* -1: there is none. For who closes all others after a fork. */
int log_tap_fd(void);

/* Opens the log file again, after rotation. */
void log_reopen(void);
/* The descriptor that the log is written to: for who closes all others after a fork. */
int log_fd(void);

/* A token bucket for lines that strangers can trigger: `burst` lines at once, then one every
 * `every_ms`. */
struct log_limit {
	unsigned burst;
	unsigned every_ms;
	/* state; start with zeros */
	uint64_t next_ms;
	uint64_t suppressed;
};
/* True when one more line may be written now. The count of suppressed lines is added to the next
 * line. */
bool log_allowed(struct log_limit *l);

/* `level` 0..5: from which on the line is wanted. */
void log_write(int level, enum log_priority prio, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...)  log_write(0, LOG_PRIO_ERROR, __VA_ARGS__)
#define log_warn(...)   log_write(0, LOG_PRIO_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(0, LOG_PRIO_NOTICE, __VA_ARGS__)
/* Written when the level is at least `lvl` (1..5). */
#define log_debug(lvl, ...)                                                                        \
	do {                                                                                       \
		if (log_wants(lvl))                                                                \
			log_write((lvl), (lvl) <= 2 ? LOG_PRIO_INFO : LOG_PRIO_DEBUG,              \
				  __VA_ARGS__);                                                    \
	} while (0)
