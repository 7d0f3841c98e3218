/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The outer sockets on loopback: what a mark does to trains, to outer headers and to what is too
 * large. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/tunnel/tunnel.h"
#include "shared/tunnel/udp.h"
#include "tests/unit/shared/monitor/child.h"

#define EF 0xb8u

/* What the kernel says to a train; 0: what it really does. */
static int train_errno;

static bool is_train(const struct msghdr *h)
{
	const struct cmsghdr *c = h->msg_controllen ? CMSG_FIRSTHDR(h) : NULL;

	return c && c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT;
}

/* In the place of libc's. */
int sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags)
{
	unsigned int before = 0;

	while (train_errno && before < n && !is_train(&msgs[before].msg_hdr))
		before++;
	if (train_errno && !before) {
		errno = train_errno;
		return -1;
	}
	return (int)syscall(SYS_sendmmsg, fd, msgs, train_errno ? before : n, flags);
}

struct end {
	struct udp *u;
	struct endpoint at;
	int fd;
	uint32_t refused; /* owner of what was too large last */
	size_t refused_len;
	unsigned n_refused;
};

static void note_refused(void *arg, uint32_t owner, size_t len)
{
	struct end *e = arg;

	e->refused = owner;
	e->refused_len = len;
	e->n_refused++;
}

static bool end_open(struct end *e, int family)
{
	struct sockaddr_storage ss = { .ss_family = (sa_family_t)family };
	socklen_t len = sizeof(ss);
	struct worker_fds fds = { .n_udp = 1 };

	memset(e, 0, sizeof(*e));
	e->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (e->fd < 0 && family == AF_INET6)
		return false;
	assert_true(e->fd >= 0);
	if (family == AF_INET)
		((struct sockaddr_in *)&ss)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)&ss)->sin6_addr = in6addr_loopback;
	len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	if (bind(e->fd, (struct sockaddr *)&ss, len)) {
		assert_int_equal(family, AF_INET6);
		close(e->fd);
		return false;
	}
	len = sizeof(ss);
	assert_int_equal(getsockname(e->fd, (struct sockaddr *)&ss, &len), 0);
	assert_int_equal(endpoint_from_sockaddr(&ss, len, &e->at), ERR_OK);
	fds.udp[0] = e->fd;
	assert_int_equal(udp_new(&fds, true, &e->u), ERR_OK);
	udp_on_too_big(e->u, note_refused, e);
	return true;
}

static void end_close(struct end *e)
{
	udp_free(e->u);
	close(e->fd);
}

static void put(struct end *from, const struct end *to, struct udp_slot *slot,
		const struct udp_mark *mark, size_t len, uint8_t fill)
{
	uint8_t *p;

	udp_mark_next(from->u, mark);
	p = udp_reserve(from->u, &to->at, slot, len);
	assert_non_null(p);
	memset(p, fill, len);
}

/* Everything that has come: the TOS that each byte `fill` came under goes to `tos`. Returns the
 * number of records. */
static unsigned take(struct end *e, unsigned wanted, int tos[256])
{
	unsigned records = 0;

	for (unsigned i = 0; i < 256; i++)
		tos[i] = -1;
	while (records < wanted) {
		struct pollfd ready = { .fd = e->fd, .events = POLLIN };
		struct udp_message *batch;
		unsigned n;

		assert_int_equal(poll(&ready, 1, 60000), 1);
		assert_int_equal(udp_receive(e->u, 0, &batch, &n), ERR_OK);
		for (unsigned i = 0; i < n; i++)
			for (size_t at = 0; at < batch[i].len; at += batch[i].segment) {
				tos[batch[i].data[at]] = batch[i].tos;
				records++;
			}
	}
	return records;
}

static void check_tos(int family)
{
	struct end a, b;
	struct udp_slot slot = { 0 };
	int tos[256];
	static const uint8_t marks[] = { 0, EF, 0, EF | 1, EF | 2, EF | 2, 1, 3 };

	if (!end_open(&a, family))
		return;
	assert_true(end_open(&b, family));
	for (unsigned round = 0; round < 2; round++) {
		udp_set_discovery(a.u, round);
		for (uint8_t i = 0; i < ARRAY_LEN(marks); i++) {
			const struct udp_mark m = { .tos = marks[i], .owner = 7 };

			put(&a, &b, &slot, &m, 1000, (uint8_t)(2 * i));
			put(&a, &b, &slot, &m, 1000, (uint8_t)(2 * i + 1));
		}
		udp_flush(a.u);
		assert_int_equal(take(&b, 2 * ARRAY_LEN(marks), tos), 2 * ARRAY_LEN(marks));
		for (unsigned i = 0; i < 2 * ARRAY_LEN(marks); i++)
			assert_int_equal(tos[i], marks[i / 2]);
	}
	/* One TOS, one train: EF twice in a row is one, and so is nothing. */
	if (udp_offloads(a.u).segment)
		assert_int_equal(udp_counters(a.u)->trains, 2 * 7);
	end_close(&a);
	end_close(&b);
}

static void test_tos(void **state)
{
	(void)state;
	check_tos(AF_INET);
	check_tos(AF_INET6);
}

/* A mark is for one record. */
static void test_mark_ends(void **state)
{
	struct end a, b;
	struct udp_slot slot = { 0 };
	const struct udp_mark m = { .tos = EF };
	int tos[256];

	(void)state;
	assert_true(end_open(&a, AF_INET) && end_open(&b, AF_INET));
	put(&a, &b, &slot, &m, 100, 1);
	memset(udp_reserve(a.u, &b.at, &slot, 100), 2, 100);
	udp_mark_next(a.u, &m);
	udp_flush(a.u);
	memset(udp_reserve(a.u, &b.at, &slot, 100), 3, 100);
	udp_flush(a.u);
	take(&b, 3, tos);
	assert_int_equal(tos[1], EF);
	assert_int_equal(tos[2], 0);
	assert_int_equal(tos[3], 0);
	end_close(&a);
	end_close(&b);
}

static void test_forward(void **state)
{
	struct end a, b;
	const struct udp_mark mark = { .tos = EF | 3 };
	static uint8_t bytes[4 * 700];
	int tos[256];

	(void)state;
	assert_true(end_open(&a, AF_INET) && end_open(&b, AF_INET));
	for (unsigned i = 0; i < 4; i++)
		memset(bytes + 700 * i, (int)i + 1, 700);
	udp_forward(a.u, &b.at, bytes, sizeof(bytes), 700, 4, &mark);
	udp_flush(a.u);
	assert_int_equal(take(&b, 4, tos), 4);
	for (unsigned i = 1; i <= 4; i++)
		assert_int_equal(tos[i], EF | 3);
	end_close(&a);
	end_close(&b);
}

static int discover(const struct end *e)
{
	int v = -1;
	socklen_t len = sizeof(v);

	assert_int_equal(getsockopt(e->fd, IPPROTO_IP, IP_MTU_DISCOVER, &v, &len), 0);
	return v;
}

/* DF only with discovery, and not for what may be cut; the socket is changed only where it must. */
static void test_discovery(void **state)
{
	struct end a, b;
	struct udp_slot whole = { 0 }, cut = { 0 };
	const struct udp_mark may = { .fragment = true, .owner = 1 }, must = { .owner = 2 };
	int tos[256];

	(void)state;
	assert_true(end_open(&a, AF_INET) && end_open(&b, AF_INET));
	assert_int_equal(discover(&a), IP_PMTUDISC_DONT);
	put(&a, &b, &whole, &must, 100, 1);
	udp_flush(a.u);
	assert_int_equal(discover(&a), IP_PMTUDISC_DONT);
	udp_set_discovery(a.u, true);
	put(&a, &b, &cut, &may, 100, 2);
	put(&a, &b, &whole, &must, 100, 3);
	udp_flush(a.u);
	assert_int_equal(discover(&a), IP_PMTUDISC_PROBE);
	put(&a, &b, &cut, &may, 100, 4);
	udp_flush(a.u);
	assert_int_equal(discover(&a), IP_PMTUDISC_DONT);
	take(&b, 4, tos);
	for (unsigned i = 1; i <= 4; i++)
		assert_int_equal(tos[i], 0);
	end_close(&a);
	end_close(&b);
}

/*
 * A device that cannot cut trains is not asked again; one whose MTU is smaller than a record is, as
 * soon as records are. Kernels before 6.14 say EINVAL to both.
 */
static void body_refused_trains(void *arg)
{
	static const struct {
		int errnum;
		size_t len;
		bool fragment; /* the network may cut */
		bool arrives, asked_again;
	} rows[] = {
		{ EINVAL, 1400, false, false, true },     { EINVAL, 1000, false, true, false },
		{ EINVAL, 1400, true, true, true },       { EMSGSIZE, 1400, false, false, true },
		{ EMSGSIZE, 1000, false, true, true },    { EIO, 1000, false, true, false },
		{ EOPNOTSUPP, 1000, false, true, false },
	};
	char out[256];

	(void)arg;
	enter_netns();
	output_of("ip link set lo mtu 1300 up 2>&1", out, sizeof(out));
	CHECK(out[0] == '\0');
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct udp_mark mark = { .owner = 9, .fragment = rows[i].fragment };
		struct udp_slot slot = { 0 };
		struct end a, b;
		int tos[256];

		assert_true(end_open(&a, AF_INET) && end_open(&b, AF_INET));
		udp_set_discovery(a.u, true);
		train_errno = rows[i].errnum;
		put(&a, &b, &slot, &mark, rows[i].len, 1);
		put(&a, &b, &slot, &mark, rows[i].len, 2);
		udp_flush(a.u);
		train_errno = 0;
		CHECK(udp_counters(a.u)->sent == (rows[i].arrives ? 2 : 0));
		CHECK(!rows[i].arrives || take(&b, 2, tos) == 2);
		CHECK(a.n_refused == !rows[i].arrives);
		CHECK(udp_offloads(a.u).segment == rows[i].asked_again);
		end_close(&a);
		end_close(&b);
	}
}

static void test_refused_trains(void **state)
{
	(void)state;
	run_in_child(body_refused_trains, NULL);
}

/* Before anything is sent there is nothing to look at; what has arrived does not wait. */
static void check_backlog(int family)
{
	const struct udp_mark plain = { 0 };
	struct udp_slot slot = { 0 };
	struct backlog_look before, after;
	struct end a, b;
	int tos[256], room = 0;
	socklen_t len = sizeof(room);

	if (!end_open(&a, family))
		return;
	assert_true(end_open(&b, family));
	udp_backlog(a.u, &before);
	assert_int_equal(before.queued + before.buffer + before.sent, 0);
	for (unsigned i = 0; i < 3; i++)
		put(&a, &b, &slot, &plain, 500, 1);
	udp_flush(a.u);
	take(&b, 3, tos);
	udp_backlog(a.u, &after);
	assert_int_equal(getsockopt(a.fd, SOL_SOCKET, SO_SNDBUF, &room, &len), 0);
	assert_int_equal(after.queued, 0);
	assert_int_equal(after.buffer, room);
	assert_int_equal(after.sent, 1500);
	/* Nothing waits: the socket is not asked again. */
	udp_backlog(a.u, &after);
	assert_int_equal(after.buffer, 0);
	assert_int_equal(after.sent, 1500);
	end_close(&a);
	end_close(&b);
}

static void test_backlog(void **state)
{
	(void)state;
	check_backlog(AF_INET);
	check_backlog(AF_INET6);
}

/* Is the page of `p` there (/proc/self/pagemap, bit 63)? */
static bool is_present(const void *p)
{
	const uintptr_t page = (uintptr_t)p / (uintptr_t)sysconf(_SC_PAGESIZE);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &entry, sizeof(entry), (off_t)(page * sizeof(entry))),
			 sizeof(entry));
	close(fd);
	return entry >> 63;
}

#define BURST 40u

/* Bursts from `a` to `b`; where the last record lay in the buffers of both. */
static void exchange(struct end *a, struct end *b, unsigned bursts, const uint8_t **sent,
		     const uint8_t **got)
{
	const struct udp_mark plain = { 0 };
	struct udp_slot slot = { 0 };

	while (bursts--) {
		for (unsigned i = 0; i < BURST; i++) {
			udp_mark_next(a->u, &plain);
			*sent = memset(udp_reserve(a->u, &b->at, &slot, 1000), 1, 1000);
		}
		udp_flush(a->u);
		for (unsigned records = 0; records < BURST;) {
			struct pollfd ready = { .fd = b->fd, .events = POLLIN };
			struct udp_message *m;
			unsigned n;

			assert_int_equal(poll(&ready, 1, 60000), 1);
			assert_int_equal(udp_receive(b->u, 0, &m, &n), ERR_OK);
			for (; n; n--, m++) {
				records += (unsigned)((m->len + m->segment - 1) / m->segment);
				*got = m->data + m->len - 1;
			}
		}
	}
}

static void later(struct tunnel *t) { t->quiet.timer.fire(&t->quiet.timer, t->now_ms += QUIET_MS); }

/* The buffers of both directions go a while after the traffic, not before, and not for the few
 * messages of an idle network; and they work as before. */
static void test_quiet(void **state)
{
	const unsigned traffic = (QUIET_MESSAGES + BURST - 1) / BURST;
	struct tunnel *t = calloc(1, sizeof(*t));
	const uint8_t *sent, *got, *other;
	struct loop *loop;
	struct end a, b;

	(void)state;
	assert_non_null(t);
	assert_int_equal(loop_new(&loop), ERR_OK);
	assert_true(end_open(&a, AF_INET));
	assert_true(end_open(&b, AF_INET));
	t->loop = loop;
	t->now_ms = loop_now_ms(loop);
	t->udp = a.u;
	quiet_init(t);
	assert_true(timer_armed(&t->quiet.timer));
	for (unsigned round = 0; round < 2; round++) {
		exchange(&b, &a, 1, &other, &got);
		exchange(&a, &b, traffic, &sent, &other);
		later(t);
		assert_true(is_present(sent) && is_present(got));
		later(t);
		assert_false(is_present(sent) || is_present(got));
	}
	exchange(&b, &a, 1, &other, &got);
	exchange(&a, &b, 1, &sent, &other);
	for (unsigned i = 0; i < 3; i++)
		later(t);
	assert_true(is_present(sent) && is_present(got));
	quiet_fini(t);
	assert_false(timer_armed(&t->quiet.timer));
	end_close(&a);
	end_close(&b);
	loop_free(loop);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tos),     cmocka_unit_test(test_mark_ends),
		cmocka_unit_test(test_forward), cmocka_unit_test(test_discovery),
		cmocka_unit_test(test_backlog), cmocka_unit_test(test_refused_trains),
		cmocka_unit_test(test_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
