/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * dns: one question of a resolver, decoded strictly, and its reply (RFC 1035, RFC 6891). Only what
 * an authoritative server of addresses and names needs; nothing of a reply is ever decoded.
 *
 *   1. dns_query_decode()
 *   2. dns_reply_begin(), then answers, then authority
 *   3. dns_reply_end()
 */
#include "shared/base/addr.h"
#include "shared/base/cursor.h"

#define DNS_PORT            53u
#define DNS_NAME_SIZE       256u  /* a name's text with its end mark; 253 characters are the most */
#define DNS_QUERY_MAX_BYTES 512u  /* a longer one is no question for us */
#define DNS_UDP_BYTES       512u  /* of a reply to who does not say more (RFC 1035, 4.2.1) */
#define DNS_EDNS_BYTES      1232u /* of any reply by UDP: fits every path without fragments */
#define DNS_TCP_BYTES       4096u /* of a reply by TCP */

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_AAAA = 28,
	DNS_OPT = 41,
	DNS_META_FIRST = 128, /* TSIG, IXFR, AXFR and the like: not for data */
	DNS_ANY = 255,
};
#define DNS_CLASS_IN 1u

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16, /* needs EDNS */
};

struct dns_query {
	uint16_t id;
	uint16_t flags;       /* as they came */
	enum dns_rcode rcode; /* not DNS_NOERROR: what is wrong with it, and nothing below holds but
				 `edns` and, if it is not NULL, `question` */
	uint16_t type, class;
	/* In lower case, labels joined by dots, none at the end; "" is the root. The label that
	 * begins at text position i has its length byte at byte DNS_HEADER_BYTES + i of the
	 * message. A byte that no name of ours has is a backslash here, a dot inside a label, too.
	 */
	char name[DNS_NAME_SIZE];
	const uint8_t
		*question; /* name, type and class, inside the message; NULL: not understood */
	size_t question_bytes;
	bool edns;
	uint16_t udp_bytes; /* the largest reply by UDP that the asker takes */
};
#define DNS_HEADER_BYTES 12u

/*
 * Decodes a message. ERR_INVALID: it is no question at all (too short, or a reply) and gets no
 * answer. ERR_OK: it gets one; q->rcode says whether it was understood. `q` points into `msg`.
 */
enum err dns_query_decode(const uint8_t *msg, size_t n, struct dns_query *q) must_check;

struct dns_reply {
	struct cursor c;
	const struct dns_query *q;
	uint16_t answers, authority;
	bool authoritative; /* ours to set before dns_reply_end(); true from the beginning */
};

/* `cap` >= DNS_UDP_BYTES is the most that the reply may have. `q` and `mem` outlive `r`. */
void dns_reply_begin(struct dns_reply *r, const struct dns_query *q, uint8_t *mem, size_t cap);
/* An answer about the name of the question: its address (A or AAAA by family), or a name of ours
 * ("oslo.net.internal"; PTR, NS). */
void dns_reply_address(struct dns_reply *r, const struct addr *a, uint32_t ttl);
void dns_reply_name(struct dns_reply *r, enum dns_type type, const char *name, uint32_t ttl);
/* What a zone says of itself (RFC 1035, 3.3.13; RFC 2308). */
struct dns_soa {
	size_t apex; /* text position in q->name at which the zone's own name begins */
	const char *server, *mailbox;
	uint32_t serial, ttl;
	bool answer; /* it was asked for; otherwise it goes with a negative answer */
};
void dns_reply_soa(struct dns_reply *r, const struct dns_soa *s);
/* The number of bytes; what does not fit is left out, and the reply says so (TC). */
size_t dns_reply_end(struct dns_reply *r, enum dns_rcode rcode);

/* May this text be a name in DNS: no empty label, none over 63 bytes? */
bool dns_name_is_valid(const char *name);
