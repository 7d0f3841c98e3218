/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/conf/tincnet.h"

/* What a host file gives, as one line: prefixes#weight, endpoints, compression, policy. */
static void describe(const struct tinc_host *h, char out[1024])
{
	char text[PREFIX_STR_SIZE];
	int at = 0;

	for (size_t i = 0; i < h->n_subnets; i++)
		at += snprintf(out + at, 1024 - (size_t)at, "%s#%u ",
			       prefix_format(&h->subnets[i].prefix, text), h->subnets[i].weight);
	for (size_t i = 0; i < h->n_endpoints; i++)
		at += snprintf(out + at, 1024 - (size_t)at, "<%s> ", h->endpoints[i]);
	snprintf(out + at, 1024 - (size_t)at, "%u %s", h->compression,
		 path_policy_str(h->path_policy));
}

static void test_host_files(void **state)
{
	static const struct {
		const char *text, *got, *note;
	} rows[] = {
		{ "Subnet = 10.20.0.0/16\n", "10.20.0.0/16#10 0 auto", NULL },
		{ "subnet 192.168.100.130\n", "192.168.100.130/32#10 0 auto", NULL },
		{ "Subnet = 2001:db8::/32#5\n", "2001:db8::/32#5 0 auto", NULL },
		{ "Subnet = 10.20.1.1/16\n", "10.20.0.0/16#10 0 auto", "host bits" },
		{ "Subnet = 10.0.0.0/8#x\n", "10.0.0.0/8#10 0 auto", "10 is used" },
		{ "Subnet = 10.0.0.0/8#9\nSubnet = 10.0.0.0/8#4\n", "10.0.0.0/8#4 0 auto",
		  "named twice: weight 4" },
		{ "Subnet = 10.0.0.0/8#4\nSubnet = 10.0.0.0/8\n", "10.0.0.0/8#4 0 auto",
		  "named twice: weight 4" },
		{ "Subnet = 0.0.0.0/0\n", "0 auto", "default routes" },
		{ "Subnet = ::/0\n", "0 auto", "default routes" },
		{ "Subnet = 1:2:3:4:5:6\n", "0 auto", "not an IPv4 or IPv6 network" },
		{ "Address = oslo.example.com\n", "<oslo.example.com 655> 0 auto", NULL },
		{ "Address = 192.0.2.1 700\nPort = 656\n", "<192.0.2.1 700> 0 auto", NULL },
		{ "Address = 192.0.2.1\nPort = 656\n", "<192.0.2.1 656> 0 auto", NULL },
		{ "Address = a b c d\n", "0 auto", "not a host and port" },
		{ "Compression = 11\n", "11 auto", NULL },
		{ "Compression = 12\n", "0 auto", "0 to 11" },
		{ "IndirectData = yes\n", "0 hub-only", NULL },
		{ "IndirectData = no\n", "0 auto", NULL },
		{ "DirectOnly = yes\n", "0 direct-only", NULL },
		{ "Cipher = none\n", "0 auto", "always encrypted" },
		{ "TCPOnly = yes\n", "0 auto", "spoke.conf" },
		{ "Ed25519PublicKey = x\n", "0 auto", "new keys" },
		{ "Colour = blue\n", "0 auto", "no variable of tinc's" },
		{ "-----BEGIN RSA PUBLIC KEY-----\nSubnet = 10.0.0.0/8\n"
		  "-----END RSA PUBLIC KEY-----\n",
		  "0 auto", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tincnet n = { .self = "hq" };
		char got[1024];

		assert_int_equal(tincnet_parse_host(&n, "oslo", "hosts/oslo", rows[i].text,
						    strlen(rows[i].text)),
				 ERR_OK);
		describe(&n.hosts[0], got);
		assert_string_equal(got, rows[i].got);
		if (rows[i].note && (n.n_notes != 1 || !strstr(n.notes[0], rows[i].note)))
			fail_msg("%s: \"%s\"", rows[i].text, n.n_notes ? n.notes[0] : "no note");
		assert_int_equal(n.n_notes, rows[i].note ? 1 : 0);
		tincnet_fini(&n);
	}
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void remove_file(const char *dir, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static bool is_noted(const struct tincnet *n, const char *what)
{
	for (size_t i = 0; i < n->n_notes; i++)
		if (strstr(n->notes[i], what))
			return true;
	return false;
}

/* What lies about in folders of real life stops nothing, and is told. */
static void test_odd_files(const char *dir, const char *hosts)
{
	static const struct {
		const char *text, *why;
	} broken[] = {
		{ "Subnet =\n", "hosts/oslo:1: 'Subnet' has no value" },
		{ "Subnet = 10.2.0.0/16\n\001\n", "hosts/oslo:2: the line holds a control" },
		{ "-----BEGIN RSA PUBLIC KEY-----\n", "hosts/oslo:1: the block that begins" },
	};
	char path[96];
	struct tincnet n;

	write_file(dir, "tinc.conf", "Name = $BRANCHLINE_TEST_NAME\nConnectTo = a_b\n");
	assert_int_equal(unsetenv("BRANCHLINE_TEST_NAME"), 0);
	assert_int_equal(tincnet_read(&n, dir), ERR_INVALID);
	tincnet_fini(&n);
	assert_int_equal(setenv("BRANCHLINE_TEST_NAME", "a-b", 1), 0);
	write_file(hosts, "oslo.bak", "Subnet = 10.2.0.0/16\n");
	snprintf(path, sizeof(path), "%s/old", hosts);
	assert_int_equal(mkdir(path, 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		write_file(hosts, "oslo", broken[i].text);
		assert_int_equal(tincnet_read(&n, dir), ERR_OK);
		assert_string_equal(n.self, "a_b");
		assert_int_equal(n.n_hosts, 3); /* a_b of tinc.conf, hq, oslo */
		assert_true(n.hosts[2].broken && n.hosts[2].n_subnets == 0);
		assert_false(n.hosts[1].broken);
		assert_true(is_noted(&n, broken[i].why));
		assert_true(is_noted(&n, "Name = $BRANCHLINE_TEST_NAME is taken as a_b"));
		assert_true(is_noted(&n, "hosts: oslo.bak is left out"));
		assert_true(is_noted(&n, "hosts/old: it is left out: not a file"));
		assert_false(is_noted(&n, "ConnectTo")); /* to itself */
		tincnet_fini(&n);
	}
	remove_file(hosts, "oslo.bak");
	rmdir(path);

	snprintf(path, sizeof(path), "%s/conf.d", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file(path, "20.conf", "Mode = switch\n");
	write_file(path, "10.conf", "Subnet = 10.3.0.0/16\n");
	write_file(path, "readme", "no configuration\n");
	assert_int_equal(tincnet_read(&n, dir), ERR_INVALID);
	assert_non_null(strstr(n.error, "conf.d/20.conf:1: Mode = switch"));
	tincnet_fini(&n);
	remove_file(path, "20.conf");
	assert_int_equal(tincnet_read(&n, dir), ERR_OK);
	assert_int_equal(n.hosts[0].n_subnets, 1);
	tincnet_fini(&n);
	remove_file(path, "10.conf");
	remove_file(path, "readme");
	rmdir(path);
}

static void test_folder(void **state)
{
	char dir[] = "/tmp/tincnet-XXXXXX", hosts[64], got[1024];
	struct tincnet n;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(hosts, sizeof(hosts), "%s/hosts", dir);

	assert_int_equal(tincnet_read(&n, dir), ERR_NOTFOUND);
	tincnet_fini(&n);
	write_file(dir, "tinc.conf",
		   "Name = hq\nConnectTo = oslo\nConnectTo = rome\n"
		   "Subnet = 10.1.0.0/16\nDevice = /dev/net/tun\n");
	assert_int_equal(tincnet_read(&n, dir), ERR_NOTFOUND);
	assert_non_null(strstr(n.error, "hosts"));
	tincnet_fini(&n);

	assert_int_equal(mkdir(hosts, 0700), 0);
	write_file(hosts, "oslo", "Subnet = 10.2.0.0/16\n");
	write_file(hosts, "hq", "Address = 192.0.2.1\n");
	write_file(hosts, "oslo-up", "#!/bin/sh\n");
	write_file(hosts, "oslo~", "Subnet = 10.9.0.0/16\n");
	assert_int_equal(tincnet_read(&n, dir), ERR_OK);
	assert_string_equal(n.self, "hq");
	assert_int_equal(n.n_hosts, 2);
	assert_true(tincnet_is_self(&n, &n.hosts[0]));
	describe(&n.hosts[0], got);
	assert_string_equal(got, "10.1.0.0/16#10 <192.0.2.1 655> 0 auto");
	describe(&n.hosts[1], got);
	assert_string_equal(got, "10.2.0.0/16#10 0 auto");
	/* The script, Device, and both ConnectTo. */
	assert_int_equal(n.n_notes, 4);
	tincnet_fini(&n);

	write_file(dir, "tinc.conf", "Name = hq\nMode = switch\n");
	assert_int_equal(tincnet_read(&n, dir), ERR_INVALID);
	assert_non_null(strstr(n.error, "switch"));
	tincnet_fini(&n);
	write_file(dir, "tinc.conf", "ConnectTo = oslo\n");
	assert_int_equal(tincnet_read(&n, dir), ERR_INVALID);
	assert_non_null(strstr(n.error, "Name"));
	tincnet_fini(&n);

	test_odd_files(dir, hosts);

	remove_file(hosts, "oslo");
	remove_file(hosts, "hq");
	remove_file(hosts, "oslo-up");
	remove_file(hosts, "oslo~");
	remove_file(dir, "tinc.conf");
	rmdir(hosts);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_files),
		cmocka_unit_test(test_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
