/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/control.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/lib/json_text.h"

#define KEY_TEXT "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define SIG_TEXT                                                                                   \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="

static void parse_endpoint(struct endpoint *e, const char *s)
{
	assert_int_equal(endpoint_parse(s, 0, e), ERR_OK);
}

/* 16 endpoints in the longest way of writing them. */
static uint8_t fill_endpoints(struct endpoint e[16])
{
	for (unsigned i = 0; i < 16; i++) {
		memset(&e[i], 0, sizeof(e[i]));
		e[i].addr.family = AF_INET6;
		memset(e[i].addr.b, 0x21 + (int)i, 16);
		e[i].port = (uint16_t)(65535 - i);
	}
	return 16;
}

static void fill(char *dst, size_t size)
{
	memset(dst, 'x', size - 1);
	dst[size - 1] = '\0';
}

/* Encodes, decodes, and compares the whole structs: both start as zeros, so that padding is equal,
 * too. */
static void check_round_trip(const struct control_msg *m, size_t max_bytes)
{
	struct control_msg *back = malloc(sizeof(*back));
	struct buf b;

	assert_non_null(back);
	for (unsigned zlib = 0; zlib < 2; zlib++) {
		buf_init(&b, LINK_QUEUE_MAX_BYTES);
		assert_int_equal(control_encode(m, zlib ? CAP_ZLIB : 0, &b), ERR_OK);
		assert_int_equal(buf_put(&b, "rest", 4), ERR_OK);
		memset(back, 0xa5, sizeof(*back));
		assert_int_equal(control_decode(&b, max_bytes, back), ERR_OK);
		assert_memory_equal(m, back, sizeof(*m));
		assert_int_equal(buf_len(&b), 4);
		assert_memory_equal(buf_data(&b), "rest", 4);
		control_msg_fini(back);
		buf_fini(&b);
	}
	free(back);
}

static struct control_msg *new_msg(enum control_type type)
{
	struct control_msg *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->type = type;
	return m;
}

static void test_join(void **state)
{
	struct control_msg *m = new_msg(CONTROL_JOIN);

	(void)state;
	check_round_trip(m, LINK_FRAME_STRANGER_MAX_BYTES);
	memset(m->join.secret, 0xff, sizeof(m->join.secret));
	memset(m->join.tunnel_key.b, 0x12, KEY_BYTES);
	memset(m->join.tunnel_sig, 0x34, sizeof(m->join.tunnel_sig));
	m->join.aes = true;
	m->join.capabilities = CAP_ZLIB;
	fill(m->join.version, sizeof(m->join.version));
	fill(m->join.hostname, sizeof(m->join.hostname));
	fill(m->join.name, sizeof(m->join.name));
	check_round_trip(m, LINK_FRAME_STRANGER_MAX_BYTES);
	free(m);
}

static void test_hello(void **state)
{
	struct control_msg *m = new_msg(CONTROL_HELLO);

	(void)state;
	check_round_trip(m, LINK_FRAME_STRANGER_MAX_BYTES);
	m->hello.revision = INT64_MAX - 1;
	m->hello.highest_revision = INT64_MAX;
	m->hello.capabilities = CAP_ZLIB;
	fill(m->hello.version, sizeof(m->hello.version));
	fill(m->hello.hostname, sizeof(m->hello.hostname));
	m->hello.aes = true;
	memset(m->hello.tunnel_key.b, 0x12, KEY_BYTES);
	memset(m->hello.tunnel_sig, 0x34, sizeof(m->hello.tunnel_sig));
	m->hello.n_candidates = fill_endpoints(m->hello.candidates);
	m->hello.nat = UINT8_MAX;
	m->hello.path_policy = PATH_POLICY_HUB_ONLY;
	m->hello.strict_keys = true;
	check_round_trip(m, LINK_FRAME_STRANGER_MAX_BYTES);
	free(m);
}

static void test_report(void **state)
{
	struct control_msg *m = new_msg(CONTROL_REPORT);
	struct control_peer_report *p = m->report.peers;

	(void)state;
	check_round_trip(m, LINK_FRAME_CLIENT_MAX_BYTES);
	m->report.n_peers = 2;
	p[0].id = 1;
	p[1].id = UINT32_MAX;
	p[1].path = 3;
	p[1].reason = 255;
	parse_endpoint(&p[1].endpoint, "192.0.2.1:6655");
	p[1].handshake_ms = INT64_MAX;
	p[1].rx_bytes = INT64_MAX;
	p[1].tx_bytes = INT64_MAX - 1;
	p[1].rtt_us = UINT32_MAX;
	p[1].since_ms = INT64_MAX;
	p[1].loss_permille = 1000;
	p[1].pmtu = UINT16_MAX;
	m->report.nat = UINT8_MAX;
	check_round_trip(m, LINK_FRAME_CLIENT_MAX_BYTES);
	/* The largest report must reach a hub that does not inflate. */
	m->report.n_peers = CONTROL_REPORT_PEERS_FIT;
	for (unsigned i = 0; i < CONTROL_REPORT_PEERS_FIT; i++) {
		struct endpoint e[16];

		p[i] = p[1];
		fill_endpoints(e);
		p[i].endpoint = e[15];
	}
	check_round_trip(m, LINK_FRAME_CLIENT_MAX_BYTES);
	free(m);
}

static void test_small_ones(void **state)
{
	struct control_msg *m = new_msg(CONTROL_LOCATE);

	(void)state;
	m->locate.id = UINT32_MAX;
	check_round_trip(m, 64);
	m->type = CONTROL_ACK;
	m->ack.revision = INT64_MAX;
	check_round_trip(m, 64);
	memset(m, 0, sizeof(*m));
	m->type = CONTROL_REVIVED;
	m->revived.id = UINT32_MAX;
	m->revived.revision = INT64_MAX;
	m->revived.identity_key.b[31] = 7;
	check_round_trip(m, 256);
	memset(m, 0, sizeof(*m));
	m->type = CONTROL_HELD_KEYS;
	check_round_trip(m, 64);
	m->held.n = LINK_HELD_KEYS_MAX;
	for (unsigned i = 0; i < LINK_HELD_KEYS_MAX; i++)
		m->held.keys[i] =
			(struct control_held_key){ .id = UINT32_MAX - i,
						   .identity_key = { .b = { (uint8_t)i, 9 } } };
	check_round_trip(m, 96u * LINK_HELD_KEYS_MAX);
	memset(m, 0, sizeof(*m));
	m->type = CONTROL_PEER_POLICIES;
	check_round_trip(m, 64);
	m->policies.n = LINK_PEER_POLICIES_MAX;
	for (unsigned i = 0; i < LINK_PEER_POLICIES_MAX; i++)
		m->policies.peers[i] =
			(struct control_peer_policy){ .id = UINT32_MAX - LINK_PEER_POLICIES_MAX + i,
						      .policy = PATH_POLICY_DIRECT_ONLY };
	check_round_trip(m, 64u * LINK_PEER_POLICIES_MAX);
	memset(m, 0, sizeof(*m));
	m->type = CONTROL_HUB_KEY; /* none */
	check_round_trip(m, 64);
	m->hub_key = (struct control_hub_key){ .has_key = true, .switch_ms = INT64_MAX };
	m->hub_key.key.b[0] = m->hub_key.sig[63] = 9;
	check_round_trip(m, 256);
	memset(m, 0, sizeof(*m));
	m->type = CONTROL_HUB_KEY_KNOWN;
	m->hub_key_known.key.b[31] = 7;
	check_round_trip(m, 128);
	memset(m, 0, sizeof(*m));
	m->type = CONTROL_PONG;
	check_round_trip(m, 64);
	m->type = CONTROL_PING;
	check_round_trip(m, 64);
	m->type = CONTROL_PROPOSE_SUBNET;
	assert_int_equal(prefix_parse("2001:db8::/128", &m->propose.subnet.prefix, NULL), ERR_OK);
	m->propose.subnet.weight = SUBNET_WEIGHT_MAX;
	check_round_trip(m, 128);
	memset(m, 0, sizeof(*m));
	m->type = CONTROL_ERROR;
	fill(m->error.code, sizeof(m->error.code));
	fill(m->error.text, sizeof(m->error.text));
	check_round_trip(m, 512);
	memset(m, 0, sizeof(*m));
	m->type = CONTROL_BYE;
	for (unsigned r = BYE_SHUTDOWN; r <= BYE_DELETED; r++) {
		m->bye.reason = (enum bye_reason)r;
		m->bye.retry_after_ms = r == BYE_BUSY ? UINT32_MAX : 0;
		fill(m->bye.text, r * 32);
		check_round_trip(m, 512);
	}
	free(m);
}

static void test_welcome(void **state)
{
	struct control_msg *m = new_msg(CONTROL_WELCOME);
	struct control_welcome *w = &m->welcome;

	(void)state;
	w->network[0] = w->name[0] = w->hub_name[0] = 'n';
	w->id = w->hub_id = 1;
	w->mtu = TUN_MTU_MIN;
	w->udp_port = 1;
	w->report_ms = 1;
	check_round_trip(m, LINK_FRAME_MAX_BYTES);
	fill(w->network, sizeof(w->network));
	fill(w->name, sizeof(w->name));
	fill(w->hub_name, sizeof(w->hub_name));
	w->id = UINT32_MAX;
	w->hub_id = UINT32_MAX - 1;
	w->revision = INT64_MAX;
	w->capabilities = CAP_ZLIB;
	fill(w->version, sizeof(w->version));
	assert_int_equal(addr_parse("10.255.0.2", &w->addresses[0]), ERR_OK);
	assert_int_equal(addr_parse("fd00::2", &w->addresses[1]), ERR_OK);
	assert_int_equal(prefix_parse("10.255.0.0/16", &w->pools[0], NULL), ERR_OK);
	assert_int_equal(prefix_parse("fd00::/64", &w->pools[1], NULL), ERR_OK);
	w->mtu = TUN_MTU_MAX;
	w->keepalive_s = UINT16_MAX;
	w->udp_port = UINT16_MAX;
	w->n_tcp_ports = LINK_PORTS_MAX;
	for (unsigned i = 0; i < LINK_PORTS_MAX; i++)
		w->tcp_ports[i] = (uint16_t)(UINT16_MAX - i);
	w->nat_port = UINT16_MAX;
	w->report_ms = UINT32_MAX;
	w->time_ms = INT64_MAX;
	parse_endpoint(&w->observed, "[2001:db8::1]:65535");
	check_round_trip(m, LINK_FRAME_MAX_BYTES);
	free(m);
}

static void test_presence(void **state)
{
	struct control_msg *m = new_msg(CONTROL_PRESENCE);

	(void)state;
	m->presence.id = 1;
	check_round_trip(m, LINK_FRAME_MAX_BYTES);
	m->presence.online = true;
	m->presence.tcp = true;
	m->presence.nat = UINT8_MAX;
	m->presence.path_policy = PATH_POLICY_DIRECT_ONLY;
	m->presence.n_endpoints = fill_endpoints(m->presence.endpoints);
	check_round_trip(m, LINK_FRAME_MAX_BYTES);
	m->type = CONTROL_PUNCH;
	check_round_trip(m, LINK_FRAME_MAX_BYTES);
	free(m);
}

/* A big snapshot, compressed and not. Nodes are compared one by one, since they own memory. */
static void test_directory(void **state)
{
	struct control_msg m = { .type = CONTROL_DIRECTORY }, back;
	struct directory d, got;
	struct buf b;

	(void)state;
	directory_init(&d);
	d.revision = 2000;
	for (uint32_t id = 1; id <= 1000; id++) {
		struct node n = { .id = id,
				  .kind = NODE_SPOKE,
				  .status = NODE_ACTIVE,
				  .revision = id,
				  .groups = 1,
				  .reach = 1 };

		snprintf(n.name, sizeof(n.name), "node-%u", (unsigned)id);
		assert_int_equal(directory_put(&d, &n), ERR_OK);
	}
	assert_int_equal(directory_delta(&d, 0, &d.nodes[0], &m.directory), ERR_OK);
	for (unsigned zlib = 0; zlib < 2; zlib++) {
		buf_init(&b, LINK_QUEUE_MAX_BYTES);
		assert_int_equal(control_encode(&m, zlib ? CAP_ZLIB : 0, &b), ERR_OK);
		assert_true(zlib ? buf_len(&b) < 30000 : buf_len(&b) > 100000);
		assert_int_equal(control_decode(&b, LINK_FRAME_MAX_BYTES, &back), ERR_OK);
		assert_int_equal(back.type, CONTROL_DIRECTORY);
		directory_init(&got);
		assert_int_equal(directory_apply(&got, &back.directory), ERR_OK);
		assert_int_equal(got.revision, 2000);
		assert_int_equal(got.count, 1000);
		for (uint32_t i = 0; i < 1000; i++)
			assert_true(node_equal(&got.nodes[i], &d.nodes[i]));
		directory_fini(&got);
		control_msg_fini(&back);
		buf_fini(&b);
	}
	control_msg_fini(&m);
	directory_fini(&d);
}

/* One frame with this JSON. */
static void put_text_frame(struct buf *b, const char *text)
{
	char *json = json_text_expand(text);
	uint32_t n = (uint32_t)strlen(json);
	uint8_t head[4] = { 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	assert_int_equal(buf_put(b, head, sizeof(head)), ERR_OK);
	assert_int_equal(buf_put(b, json, n), ERR_OK);
	free(json);
}

#define WELCOME                                                                                    \
	"'type':'welcome','network':'n','name':'a','id':2,'hub_id':1,'hub_name':'h','revision':0," \
	"'report_ms':1,'time_ms':0"
#define HELLO  "'type':'hello','revision':4,'tunnel_key':'" KEY_TEXT "','tunnel_sig':'" SIG_TEXT "'"
#define JOIN   "'type':'join','tunnel_key':'" KEY_TEXT "','tunnel_sig':'" SIG_TEXT "'"
#define SECRET "'secret':'AAAAAAAAAAAAAAAAAAAAAA=='"
#define PEER   "'type':'report','peers':[{'id':1,'path':3"

static void test_json_rows(void **state)
{
	static const struct {
		const char *text;
		enum err e;
		enum control_type type;
	} rows[] = {
		{ "{'type':'ping'}", ERR_OK, CONTROL_PING },
		{ "{'type':'ping','new':[{}]}", ERR_OK, CONTROL_PING },
		{ "{'type':'rotate-keys'}", ERR_OK, CONTROL_UNKNOWN },
		{ "{'type':'rotate-key'}", ERR_INVALID, 0 },
		{ "{'type':'rotate-key','tunnel_key':'" KEY_TEXT "','tunnel_sig':'" SIG_TEXT "'}",
		  ERR_OK, CONTROL_ROTATE_KEY },
		/* A new identity key comes with the signature of the one before. */
		{ "{'type':'rotate-key','tunnel_key':'" KEY_TEXT "','tunnel_sig':'" SIG_TEXT
		  "','identity_key':'" KEY_TEXT "'}",
		  ERR_INVALID, 0 },
		{ "{'type':'rotate-key','tunnel_key':'" KEY_TEXT "','tunnel_sig':'" SIG_TEXT
		  "','identity_key':'" KEY_TEXT "','identity_sig':'" SIG_TEXT "'}",
		  ERR_OK, CONTROL_ROTATE_KEY },
		{ "{'type':'ask-key','tunnel':true}", ERR_OK, CONTROL_ASK_KEY },
		{ "{'type':'ask-key','identity':1}", ERR_INVALID, 0 },
		{ "{'type':'revived','id':5,'revision':43,'identity_key':'" KEY_TEXT "'}", ERR_OK,
		  CONTROL_REVIVED },
		{ "{'type':'revived','id':0,'revision':43,'identity_key':'" KEY_TEXT "'}",
		  ERR_INVALID, 0 },
		{ "{'type':'revived','id':5,'revision':43}", ERR_INVALID, 0 },
		{ "{'type':'revived','id':5,'revision':43,'identity_key':'aWlp'}", ERR_INVALID, 0 },
		{ "{'type':'revived','id':5,'revision':-1,'identity_key':'" KEY_TEXT "'}",
		  ERR_INVALID, 0 },
		{ "{'type':'peer-policies','peers':[]}", ERR_OK, CONTROL_PEER_POLICIES },
		{ "{'type':'peer-policies','peers':[{'id':3,'path_policy':'hub-only'},"
		  "{'id':4,'path_policy':'direct-only'}]}",
		  ERR_OK, CONTROL_PEER_POLICIES },
		{ "{'type':'peer-policies'}", ERR_INVALID, 0 },
		{ "{'type':'peer-policies','peers':[{'id':3}]}", ERR_INVALID, 0 },
		{ "{'type':'peer-policies','peers':[{'id':3,'path_policy':'auto'}]}", ERR_INVALID,
		  0 },
		{ "{'type':'peer-policies','peers':[{'id':3,'path_policy':'hub-only'},"
		  "{'id':3,'path_policy':'hub-only'}]}",
		  ERR_INVALID, 0 },
		{ "{'type':'held-keys','keys':[]}", ERR_OK, CONTROL_HELD_KEYS },
		{ "{'type':'held-keys','keys':[{'id':5,'identity_key':'" KEY_TEXT "','x':1}]}",
		  ERR_OK, CONTROL_HELD_KEYS },
		{ "{'type':'held-keys'}", ERR_INVALID, 0 },
		{ "{'type':'held-keys','keys':[{'id':0,'identity_key':'" KEY_TEXT "'}]}",
		  ERR_INVALID, 0 },
		{ "{'type':'held-keys','keys':[{'id':5}]}", ERR_INVALID, 0 },
		{ "{'type':'held-keys','keys':[5]}", ERR_INVALID, 0 },
		{ "{'type':'held-keys','keys':{'id':5}}", ERR_INVALID, 0 },
		{ "{'type':'hub-key'}", ERR_OK, CONTROL_HUB_KEY },
		{ "{'type':'hub-key','key':null}", ERR_OK, CONTROL_HUB_KEY },
		{ "{'type':'hub-key','key':'" KEY_TEXT "','sig':'" SIG_TEXT "','switch_ms':1}",
		  ERR_OK, CONTROL_HUB_KEY },
		/* A key comes with its signature and its time. */
		{ "{'type':'hub-key','key':'" KEY_TEXT "','switch_ms':1}", ERR_INVALID, 0 },
		{ "{'type':'hub-key','key':'" KEY_TEXT "','sig':'" SIG_TEXT "'}", ERR_INVALID, 0 },
		{ "{'type':'hub-key','key':'" KEY_TEXT "','sig':'" SIG_TEXT "','switch_ms':-1}",
		  ERR_INVALID, 0 },
		{ "{'type':'hub-key','key':'aWlp','sig':'" SIG_TEXT "','switch_ms':1}", ERR_INVALID,
		  0 },
		{ "{'type':'hub-key-known','key':'" KEY_TEXT "'}", ERR_OK, CONTROL_HUB_KEY_KNOWN },
		{ "{'type':'hub-key-known'}", ERR_INVALID, 0 },
		{ "{'type':''}", ERR_OK, CONTROL_UNKNOWN },
		{ "{'type':'Ping'}", ERR_OK, CONTROL_UNKNOWN },
		{ "{'type':'unknown'}", ERR_OK, CONTROL_UNKNOWN },
		{ "{}", ERR_INVALID, 0 },
		{ "{'type':null}", ERR_INVALID, 0 },
		{ "{'type':1}", ERR_INVALID, 0 },
		{ "{'type':['ping']}", ERR_INVALID, 0 },
		{ "{'type':'ping\\u001b'}", ERR_INVALID, 0 },
		{ "{'type':'ping','type':'pong'}", ERR_INVALID, 0 },

		{ "{" JOIN "," SECRET "}", ERR_OK, CONTROL_JOIN },
		{ "{" JOIN "," SECRET
		  ",'capabilities':['zlib','future'],'version':'1','hostname':'x'}",
		  ERR_OK, CONTROL_JOIN },
		{ "{" JOIN "}", ERR_INVALID, 0 },
		{ "{" JOIN ",'secret':'AAAA'}", ERR_INVALID, 0 },
		{ "{'type':'join'," SECRET "}", ERR_INVALID, 0 },
		{ "{" JOIN "," SECRET ",'aes':1}", ERR_INVALID, 0 },
		{ "{" JOIN "," SECRET ",'capabilities':'zlib'}", ERR_INVALID, 0 },
		{ "{" JOIN "," SECRET ",'capabilities':[1]}", ERR_INVALID, 0 },
		{ "{" JOIN "," SECRET
		  ",'capabilities':['','','','','','','','','','','','','','','','','']}",
		  ERR_INVALID, 0 },
		{ "{" JOIN "," SECRET ",'hostname':'a\\nb'}", ERR_INVALID, 0 },
		{ "{" JOIN "," SECRET ",'name':'oslo'}", ERR_OK, CONTROL_JOIN },
		{ "{" JOIN "," SECRET ",'name':7}", ERR_INVALID, 0 },
		{ "{" JOIN "," SECRET ",'version':'12345678901234567890123456789012'}", ERR_INVALID,
		  0 },

		{ "{" HELLO "}", ERR_OK, CONTROL_HELLO },
		{ "{" HELLO ",'candidates':['192.0.2.1:1','[::1]:1']}", ERR_OK, CONTROL_HELLO },
		{ "{" HELLO ",'candidates':['192.0.2.1']}", ERR_INVALID, 0 },
		{ "{" HELLO ",'nat':2}", ERR_OK, CONTROL_HELLO },
		{ "{" HELLO ",'nat':-1}", ERR_INVALID, 0 },
		{ "{" HELLO ",'path_policy':'hub-only'}", ERR_OK, CONTROL_HELLO },
		{ "{" HELLO ",'path_policy':'straight'}", ERR_INVALID, 0 },
		{ "{" HELLO ",'path_policy':1}", ERR_INVALID, 0 },
		{ "{" HELLO ",'strict_keys':1}", ERR_INVALID, 0 },
		{ "{" HELLO ",'candidates':'192.0.2.1:1'}", ERR_INVALID, 0 },
		{ "{" HELLO ",'highest_revision':-1}", ERR_INVALID, 0 },
		{ "{" HELLO ",'highest_revision':1e3}", ERR_INVALID, 0 },
		{ "{'type':'hello','revision':-1,'tunnel_key':'" KEY_TEXT
		  "','tunnel_sig':'" SIG_TEXT "'}",
		  ERR_INVALID, 0 },
		{ "{'type':'hello','revision':1,'tunnel_sig':'" SIG_TEXT "'}", ERR_INVALID, 0 },

		{ "{'type':'report','peers':[]}", ERR_OK, CONTROL_REPORT },
		{ "{" PEER "}]}", ERR_OK, CONTROL_REPORT },
		{ "{" PEER ",'reason':200,'endpoint':'192.0.2.1:1'}]}", ERR_OK, CONTROL_REPORT },
		{ "{'type':'report'}", ERR_INVALID, 0 },
		{ "{'type':'report','peers':{}}", ERR_INVALID, 0 },
		{ "{'type':'report','peers':[1]}", ERR_INVALID, 0 },
		{ "{'type':'report','peers':[{'id':1}]}", ERR_INVALID, 0 },
		{ "{'type':'report','peers':[{'id':0,'path':3}]}", ERR_INVALID, 0 },
		{ "{" PEER ",'reason':256}]}", ERR_INVALID, 0 },
		{ "{" PEER ",'rx_bytes':-1}]}", ERR_INVALID, 0 },
		{ "{" PEER ",'handshake_ms':-1}]}", ERR_INVALID, 0 },
		{ "{" PEER ",'rtt_us':4294967296}]}", ERR_INVALID, 0 },
		{ "{" PEER ",'endpoint':'hub:1'}]}", ERR_INVALID, 0 },
		{ "{" PEER ",'since_ms':9,'loss_permille':1000,'pmtu':1400}],'nat':9}", ERR_OK,
		  CONTROL_REPORT },
		{ "{" PEER ",'since_ms':-1}]}", ERR_INVALID, 0 },
		{ "{" PEER ",'loss_permille':1001}]}", ERR_INVALID, 0 },
		{ "{" PEER ",'pmtu':65536}]}", ERR_INVALID, 0 },
		{ "{'type':'report','peers':[],'nat':'hard'}", ERR_INVALID, 0 },
		{ "{'type':'report','peers':[],'nat':256}", ERR_INVALID, 0 },

		{ "{'type':'locate','id':1}", ERR_OK, CONTROL_LOCATE },
		{ "{'type':'locate'}", ERR_INVALID, 0 },
		{ "{'type':'locate','id':0}", ERR_INVALID, 0 },
		{ "{'type':'locate','id':'1'}", ERR_INVALID, 0 },
		{ "{'type':'ack','revision':9}", ERR_OK, CONTROL_ACK },
		{ "{'type':'ack'}", ERR_INVALID, 0 },
		{ "{'type':'ack','revision':-9}", ERR_INVALID, 0 },
		{ "{'type':'propose-subnet','prefix':'10.0.0.0/8','weight':1}", ERR_OK,
		  CONTROL_PROPOSE_SUBNET },
		{ "{'type':'propose-subnet','prefix':'10.0.0.0/7','weight':65536}", ERR_INVALID,
		  0 },
		{ "{'type':'propose-subnet','prefix':'10.0.0.1/8','weight':1}", ERR_INVALID, 0 },
		{ "{'type':'propose-subnet','weight':1}", ERR_INVALID, 0 },
		{ "{'type':'pong'}", ERR_OK, CONTROL_PONG },

		{ "{" WELCOME ",'mtu':1400,'udp_port':6655}", ERR_OK, CONTROL_WELCOME },
		{ "{" WELCOME ",'mtu':575,'udp_port':6655}", ERR_INVALID, 0 },
		{ "{" WELCOME ",'mtu':9001,'udp_port':6655}", ERR_INVALID, 0 },
		{ "{" WELCOME ",'mtu':1400,'udp_port':0}", ERR_INVALID, 0 },
		{ "{" WELCOME ",'mtu':1400}", ERR_INVALID, 0 },
		{ "{" WELCOME ",'mtu':1400,'udp_port':1,'nat_port':65536}", ERR_INVALID, 0 },
		{ "{" WELCOME ",'mtu':1400,'udp_port':6655,'keepalive':65536}", ERR_INVALID, 0 },
		{ "{" WELCOME ",'mtu':1400,'udp_port':6655,'tcp_ports':[443,1]}", ERR_OK,
		  CONTROL_WELCOME },
		{ "{" WELCOME ",'mtu':1400,'udp_port':6655,'tcp_ports':[0]}", ERR_INVALID, 0 },
		{ "{" WELCOME ",'mtu':1400,'udp_port':6655,'tcp_ports':['443']}", ERR_INVALID, 0 },
		{ "{" WELCOME ",'mtu':1400,'udp_port':6655,'tcp_ports':[1,2,3,4,5]}", ERR_INVALID,
		  0 },
		{ "{" WELCOME ",'mtu':1400,'udp_port':6655,'addresses':['10.0.0.1','10.0.0.2']}",
		  ERR_INVALID, 0 },
		{ "{" WELCOME ",'mtu':1400,'udp_port':6655,'pools':['10.0.0.1/8']}", ERR_INVALID,
		  0 },
		{ "{" WELCOME ",'mtu':1400,'udp_port':6655,'observed':''}", ERR_INVALID, 0 },
		{ "{'type':'welcome','network':'/"
		  "','name':'a','id':2,'hub_id':1,'hub_name':'h','revision':0,"
		  "'report_ms':1,'time_ms':0,'mtu':1400,'udp_port':6655}",
		  ERR_INVALID, 0 },

		{ "{'type':'directory','from':0,'to':1,'nodes':[]}", ERR_OK, CONTROL_DIRECTORY },
		{ "{'type':'directory','from':0,'to':1}", ERR_INVALID, 0 },
		{ "{'type':'directory','from':0,'to':1,'nodes':[{'id':1}]}", ERR_INVALID, 0 },

		{ "{'type':'presence','id':1,'online':true,'endpoints':[]}", ERR_OK,
		  CONTROL_PRESENCE },
		{ "{'type':'presence','id':1,'online':false}", ERR_OK, CONTROL_PRESENCE },
		{ "{'type':'presence','id':1,'online':true,'nat':[]}", ERR_INVALID, 0 },
		{ "{'type':'presence','id':1,'online':true,'path_policy':'direct-only'}", ERR_OK,
		  CONTROL_PRESENCE },
		{ "{'type':'presence','id':1,'online':true,'path_policy':''}", ERR_INVALID, 0 },
		{ "{'type':'presence','id':1,'online':true,'path_policy':[]}", ERR_INVALID, 0 },
		{ "{'type':'presence','id':1}", ERR_INVALID, 0 },
		{ "{'type':'presence','online':true}", ERR_INVALID, 0 },
		{ "{'type':'punch','id':1,'online':true,'endpoints':['192.0.2.1:0']}", ERR_INVALID,
		  0 },
		{ "{'type':'punch','id':1,'online':true,'endpoints':['192.0.2.1:1']}", ERR_OK,
		  CONTROL_PUNCH },

		{ "{'type':'bye','reason':'busy','retry_after_ms':5,'text':'t'}", ERR_OK,
		  CONTROL_BYE },
		{ "{'type':'bye','reason':'of-the-future'}", ERR_OK, CONTROL_BYE },
		{ "{'type':'bye'}", ERR_INVALID, 0 },
		{ "{'type':'bye','reason':3}", ERR_INVALID, 0 },
		{ "{'type':'bye','reason':'busy','retry_after_ms':-1}", ERR_INVALID, 0 },
		{ "{'type':'bye','reason':'busy','retry_after_ms':4294967296}", ERR_INVALID, 0 },
		{ "{'type':'bye','reason':'busy','text':'\\u0007'}", ERR_INVALID, 0 },
		{ "{'type':'error','code':'token_used','text':'t'}", ERR_OK, CONTROL_ERROR },
		{ "{'type':'error','code':''}", ERR_INVALID, 0 },
		{ "{'type':'error','code':'A b'}", ERR_INVALID, 0 },
		{ "{'type':'error','text':'t'}", ERR_INVALID, 0 },
		{ "{'type':'error','code':'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'}", ERR_INVALID, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct control_msg m;
		struct buf b;
		size_t before;
		enum err e;

		buf_init(&b, 4096);
		put_text_frame(&b, rows[i].text);
		before = buf_len(&b);
		e = control_decode(&b, LINK_FRAME_STRANGER_MAX_BYTES, &m);
		if (e != rows[i].e || (!e && m.type != rows[i].type))
			fail_msg("%s: %d, type %d", rows[i].text, e, m.type);
		assert_int_equal(buf_len(&b), e ? before : 0);
		if (!e)
			control_msg_fini(&m);
		buf_fini(&b);
	}
}

/* What is missing and optional is zero; what we do not know of a set of names is ignored. */
static void test_defaults(void **state)
{
	struct control_msg m;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	put_text_frame(&b, "{" HELLO ",'capabilities':['x','zlib']}");
	put_text_frame(&b, "{'type':'bye','reason':'of-the-future','retry_after_ms':77}");
	assert_int_equal(control_decode(&b, 4096, &m), ERR_OK);
	assert_int_equal(m.hello.capabilities, CAP_ZLIB);
	assert_int_equal(m.hello.highest_revision, 4); /* at least that of the directory it holds */
	assert_int_equal(m.hello.n_candidates, 0);
	assert_string_equal(m.hello.version, "");
	control_msg_fini(&m);
	assert_int_equal(control_decode(&b, 4096, &m), ERR_OK);
	assert_int_equal(m.bye.reason, BYE_SHUTDOWN);
	assert_int_equal(m.bye.retry_after_ms, 77);
	control_msg_fini(&m);
	buf_fini(&b);
}

/* Bytes that come one at a time: nothing is taken before the frame is whole, then exactly the
 * frame. */
static void test_stream(void **state)
{
	struct control_msg m;
	struct buf all, in;
	unsigned messages = 0;

	(void)state;
	buf_init(&all, 4096);
	buf_init(&in, 4096);
	put_text_frame(&all, "{'type':'ack','revision':1}");
	put_text_frame(&all, "{'type':'ping'}");
	put_text_frame(&all, "{'type':'ack','revision':2}");
	while (buf_len(&all) > 0) {
		size_t had = buf_len(&in);
		enum err e;

		assert_int_equal(buf_put(&in, buf_data(&all), 1), ERR_OK);
		buf_consume(&all, 1);
		e = control_decode(&in, 4096, &m);
		if (e == ERR_AGAIN) {
			assert_int_equal(buf_len(&in), had + 1);
			continue;
		}
		assert_int_equal(e, ERR_OK);
		assert_int_equal(buf_len(&in), 0);
		messages++;
		control_msg_fini(&m);
	}
	assert_int_equal(messages, 3);
	buf_fini(&in);
	buf_fini(&all);
}

/* The secret is in neither the message nor the buffer afterwards. */
static void test_secret_is_wiped(void **state)
{
	struct control_msg *m = new_msg(CONTROL_JOIN);
	struct buf b;

	(void)state;
	memset(m->join.secret, 0x6b, sizeof(m->join.secret)); /* base64: "a2tr..." */
	buf_init(&b, 4096);
	assert_int_equal(control_encode(m, 0, &b), ERR_OK);
	assert_non_null(memmem(b.mem, b.cap, "a2tra2tra2tr", 12));
	assert_int_equal(control_decode(&b, 4096, m), ERR_OK);
	assert_null(memmem(b.mem, b.cap, "a2tra2tra2tr", 12));
	control_msg_fini(m);
	assert_null(memmem(m, sizeof(*m), "kkkkkkkk", 8));
	buf_fini(&b);
	free(m);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(control_type_str(CONTROL_PROPOSE_SUBNET), "propose-subnet");
	assert_string_equal(control_type_str(CONTROL_UNKNOWN), "unknown");
	assert_string_equal(control_type_str((enum control_type)99), "unknown");
	assert_string_equal(bye_reason_str(BYE_UNKNOWN_KEY), "unknown_key");
	assert_string_equal(bye_reason_str((enum bye_reason)0), "unknown");
	assert_string_equal(bye_reason_str((enum bye_reason)99), "unknown");
}

static void test_carry(void **state)
{
	struct control_msg *m = new_msg(CONTROL_CARRY);

	(void)state;
	check_round_trip(m, LINK_FRAME_STRANGER_MAX_BYTES);
	m->carry.capabilities = CAP_CARRY | CAP_ZLIB;
	fill(m->carry.version, sizeof(m->carry.version));
	check_round_trip(m, LINK_FRAME_STRANGER_MAX_BYTES);
	free(m);
}

static void test_settings(void **state)
{
	struct control_msg *m = new_msg(CONTROL_SETTINGS);

	(void)state;
	m->settings.confirm_s = SETTINGS_CONFIRM_MIN_S;
	check_round_trip(m, LINK_FRAME_MAX_BYTES);
	m->settings.number = INT64_MAX;
	m->settings.confirm_s = SETTINGS_CONFIRM_MAX_S;
	for (enum node_setting k = 0; k < NODE_SETTINGS_MAX; k++)
		node_settings_put(&m->settings.values, k, node_settings_info[k].max);
	check_round_trip(m, LINK_FRAME_MAX_BYTES);
	free(m);

	m = new_msg(CONTROL_SETTINGS_STATE);
	check_round_trip(m, LINK_FRAME_CLIENT_MAX_BYTES);
	m->settings_state.in_force = m->settings_state.tried = INT64_MAX;
	m->settings_state.outcome = SETTINGS_ROLLED_BACK;
	fill(m->settings_state.reason, sizeof(m->settings_state.reason));
	for (enum node_setting k = 0; k < NODE_SETTINGS_MAX; k++) {
		node_settings_put(&m->settings_state.effective, k, node_settings_info[k].min);
		m->settings_state.source[k] = k % SETTING_SOURCES;
	}
	check_round_trip(m, LINK_FRAME_CLIENT_MAX_BYTES);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_small_ones),
		cmocka_unit_test(test_welcome),
		cmocka_unit_test(test_presence),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_json_rows),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_secret_is_wiped),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_carry),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
