/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spoke.conf and hosts files: what is accepted, and for every bad line the words that the admin
 * reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/file.h"
#include "spoke/config.h"

struct fixture {
	char dir[64];
	struct paths paths;
	struct spoke_config c;
};

static void put(const struct fixture *f, const char *name, const char *text)
{
	char path[PATHS_FILE_SIZE];

	assert_int_equal(
		file_write_atomic(paths_join(path, f->dir, name), text, strlen(text), 0644),
		ERR_OK);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char hosts[80];

	snprintf(f->dir, sizeof(f->dir), "/tmp/spoke-config-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(hosts, sizeof(hosts), "%s/hosts", f->dir);
	mkdir(hosts, 0755);
	assert_int_equal(paths_init(&f->paths, "linodeVPN", f->dir), ERR_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = { "spoke.conf",    "hosts/linodeHQ",
					     "hosts/oslo",    "hosts/dbserver",
					     "hosts/oslo-up", "hosts/old",
					     "hosts",         "" };
	struct fixture *f = *state;
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, files[i]);
		(void)remove(path);
	}
	free(f);
	return 0;
}

/* The guide's own four lines, and a host file with Address. */
static void guide_lines_are_valid(void **state)
{
	struct fixture *f = *state;

	put(f, "spoke.conf",
	    "Name = oslo\nDevice = /dev/net/tun\nAddressFamily = ipv4\nConnectTo = linodeHQ\n");
	put(f, "hosts/linodeHQ",
	    "Address = 11.11.11.11\nAddress = vpn.example.com 443\n"
	    "-----BEGIN RSA PUBLIC KEY-----\nMIIB\n-----END RSA PUBLIC KEY-----\n");
	assert_int_equal(spoke_config_load(&f->c, &f->paths, NULL), ERR_OK);
	assert_string_equal(f->c.name, "oslo");
	assert_string_equal(f->c.interface, "linodeVPN");
	assert_int_equal(f->c.family, AF_INET);
	assert_int_equal(f->c.crypto, AEAD_AUTO);
	assert_int_equal(f->c.workers, 1);
	assert_int_equal(f->c.n_udp, 1);
	assert_int_equal(f->c.udp[0].port, UDP_PORT_DEFAULT);
	assert_int_equal(f->c.n_hubs, 1);
	assert_int_equal(f->c.hubs[0].n_addresses, 2);
	assert_string_equal(f->c.hubs[0].addresses[0], "11.11.11.11 6655");
	assert_string_equal(f->c.hubs[0].addresses[1], "vpn.example.com 443");
	spoke_config_fini(&f->c);
}

static void several_hubs_port_and_own_subnets(void **state)
{
	struct fixture *f = *state;
	static const char *const overrides[] = { "Port=7000", "LogLevel=3", "Crypto=OpenSSL",
						 "Workers=8", NULL };

	put(f, "spoke.conf",
	    "name oslo\nCONNECTTO = linodeHQ\nConnectTo = dbserver\nOfflineGrace = "
	    "3600\nLocalDiscovery = no\n");
	put(f, "hosts/linodeHQ", "Port = 7655\nAddress = 11.11.11.11\n");
	put(f, "hosts/oslo", "Subnet = 10.20.0.0/24\nSubnet = 2001:db8::/48#3\nPort = 9999\n");
	assert_int_equal(spoke_config_load(&f->c, &f->paths, overrides), ERR_OK);
	assert_int_equal(f->c.n_hubs, 2);
	assert_string_equal(f->c.hubs[0].addresses[0], "11.11.11.11 7655");
	assert_string_equal(f->c.hubs[1].name, "dbserver");
	assert_int_equal(f->c.hubs[1].n_addresses, 0);
	assert_int_equal(f->c.n_subnets, 2);
	assert_int_equal(f->c.subnets[0].weight, SUBNET_WEIGHT_DEFAULT);
	assert_int_equal(f->c.subnets[1].weight, 3);
	assert_int_equal(f->c.port, 7000);
	assert_int_equal(f->c.n_udp, 2);
	assert_int_equal(f->c.log_level, 3);
	assert_int_equal(f->c.crypto, AEAD_OPENSSL);
	assert_int_equal(f->c.workers, 8);
	assert_int_equal(f->c.offline_grace_s, 3600);
	assert_false(f->c.local_discovery);
	spoke_config_fini(&f->c);
}

/* What is said here of paths: of all in spoke.conf and our own file, of one in hosts/NAME. */
static void paths(void **state)
{
	struct fixture *f = *state;
	const struct spoke_host *host;

	put(f, "spoke.conf", "Name = oslo\nConnectTo = dbserver\n");
	assert_int_equal(spoke_config_load(&f->c, &f->paths, NULL), ERR_OK);
	assert_int_equal(f->c.path_policy, PATH_POLICY_AUTO);
	assert_int_equal(f->c.direct_idle_s, DIRECT_IDLE_S_DEFAULT);
	assert_int_equal(f->c.direct_max, DIRECT_MAX_DEFAULT);
	assert_true(f->c.pmtu_discovery && f->c.clamp_mss && f->c.pmtu_max == 0);
	assert_false(f->c.priority_inheritance);
	assert_null(spoke_config_host(&f->c, "dbserver"));
	assert_true(spoke_config_connects_to(&f->c, "dbserver"));
	assert_false(spoke_config_connects_to(&f->c, "linodeHQ"));
	spoke_config_fini(&f->c);

	put(f, "spoke.conf",
	    "Name = oslo\nDirectOnly = yes\nDirectIdle = 0\nDirectMax = 7\n"
	    "PMTUDiscovery = no\nPriorityInheritance = yes\nClampMSS = no\nPMTU = 1300\n");
	put(f, "hosts/dbserver", "Address = db.example.com\nIndirectData = yes\n");
	put(f, "hosts/linodeHQ", "Address = 11.11.11.11\nPMTU = 1200\nPMTUDiscovery = no\n");
	put(f, "hosts/oslo", "Address = 192.0.2.1 7000\nPMTU = 1400\n");
	put(f, "hosts/oslo-up", "#!/bin/sh\nexit 0\n");
	assert_int_equal(spoke_config_load(&f->c, &f->paths, NULL), ERR_OK);
	assert_int_equal(f->c.direct_idle_s, 0);
	assert_int_equal(f->c.direct_max, 7);
	assert_false(f->c.pmtu_discovery || f->c.clamp_mss);
	assert_int_equal(f->c.pmtu_max, 1300);
	assert_true(f->c.priority_inheritance);
	assert_int_equal(f->c.n_hosts, 2);
	assert_string_equal(f->c.host_warning, "");
	host = spoke_config_host(&f->c, "dbserver");
	assert_non_null(host);
	assert_string_equal(host->addresses[0], "db.example.com 6655");
	assert_true(host->pmtu_max == 0 && !host->pmtu_fixed);
	host = spoke_config_host(&f->c, "linodeHQ");
	assert_true(host && host->pmtu_max == 1200 && host->pmtu_fixed);
	assert_int_equal(spoke_config_path_policy(&f->c, "dbserver"), PATH_POLICY_HUB_ONLY);
	assert_int_equal(spoke_config_path_policy(&f->c, "linodeHQ"), PATH_POLICY_DIRECT_ONLY);
	assert_int_equal(spoke_config_path_policy(&f->c, "web"), PATH_POLICY_DIRECT_ONLY);
	assert_string_equal(f->c.own.addresses[0], "192.0.2.1 7000");
	spoke_config_fini(&f->c);

	/* Our own hosts file counts as spoke.conf, as in tinc. */
	put(f, "spoke.conf", "Name = oslo\n");
	put(f, "hosts/oslo", "IndirectData = yes\nPMTU = 1250\nPMTUDiscovery = no\n");
	assert_int_equal(spoke_config_load(&f->c, &f->paths, NULL), ERR_OK);
	assert_int_equal(f->c.pmtu_max, 1250);
	assert_false(f->c.pmtu_discovery);
	assert_int_equal(spoke_config_path_policy(&f->c, "web"), PATH_POLICY_HUB_ONLY);
	spoke_config_fini(&f->c);
}

/* A file that nothing needs does not keep the daemon from starting; SIGHUP reads it again. */
static void strange_hosts_file(void **state)
{
	struct fixture *f = *state;
	struct spoke_config fresh;

	put(f, "spoke.conf", "Name = oslo\nConnectTo = linodeHQ\n");
	put(f, "hosts/old", "Cipher = blowfish\n");
	put(f, "hosts/linodeHQ", "Address = 11.11.11.11\n");
	assert_int_equal(spoke_config_load(&f->c, &f->paths, NULL), ERR_OK);
	assert_non_null(strstr(f->c.host_warning, "old:1"));
	assert_null(spoke_config_host(&f->c, "old"));
	assert_non_null(spoke_config_host(&f->c, "linodeHQ"));

	put(f, "hosts/old", "DirectOnly = yes\n");
	put(f, "spoke.conf", "Name = oslo\nConnectTo = old\nDirectMax = 3\n");
	assert_int_equal(spoke_config_load(&fresh, &f->paths, NULL), ERR_OK);
	spoke_config_take(&f->c, &fresh);
	spoke_config_fini(&fresh);
	assert_int_equal(f->c.direct_max, 3);
	assert_true(spoke_config_connects_to(&f->c, "old"));
	assert_int_equal(spoke_config_path_policy(&f->c, "old"), PATH_POLICY_DIRECT_ONLY);
	assert_string_equal(f->c.host_warning, "");
	spoke_config_fini(&f->c);
}

static void port_of_own_hosts_file(void **state)
{
	struct fixture *f = *state;

	put(f, "spoke.conf",
	    "Name = oslo\nBindToAddress = 192.0.2.1\nBindToAddress = 2001:db8::1 7001\n");
	put(f, "hosts/oslo", "Port = 9999\n");
	assert_int_equal(spoke_config_load(&f->c, &f->paths, NULL), ERR_OK);
	assert_int_equal(f->c.n_udp, 2);
	assert_int_equal(f->c.udp[0].port, 9999);
	assert_int_equal(f->c.udp[1].port, 7001);
	spoke_config_fini(&f->c);
}

/* What is bound, as "address port" in a row. */
static void sockets_to_bind(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text, *bound;
	} rows[] = {
		{ "", "[::]:6655 0.0.0.0:6655 " },
		{ "AddressFamily = ipv4\n", "0.0.0.0:6655 " },
		{ "AddressFamily = ipv6\nPort = 0\n", "[::]:0 " },
		{ "Port = 0\n", "[::]:0 0.0.0.0:0 " },
		{ "Port = 0\nBindToAddress = 192.0.2.1\nBindToAddress = 192.0.2.2 7001\n",
		  "192.0.2.1:0 192.0.2.2:7001 " },
		{ "BindToAddress = *\nAddressFamily = ipv4\n", "0.0.0.0:6655 " },
		{ "BindToAddress = * 443\nBindToAddress = 192.0.2.1\n",
		  "[::]:443 0.0.0.0:443 192.0.2.1:6655 " },
		{ "Port = 0\nBindToAddress = *\nBindToAddress = [2001:db8::1]:53\n",
		  "[::]:0 0.0.0.0:0 [2001:db8::1]:53 " },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char conf[300], bound[300] = "", text[ENDPOINT_STR_SIZE];

		snprintf(conf, sizeof(conf), "Name = oslo\n%s", rows[i].text);
		put(f, "spoke.conf", conf);
		put(f, "hosts/oslo", "");
		if (spoke_config_load(&f->c, &f->paths, NULL))
			fail_msg("%s: %s", rows[i].text, f->c.raw.error);
		for (unsigned n = 0; n < f->c.n_udp; n++) {
			const struct endpoint *at = &f->c.udp[n];

			/* endpoint_format() has no text for "nothing". */
			snprintf(bound + strlen(bound), sizeof(bound) - strlen(bound),
				 at->addr.family == AF_INET6 ? "[%s]:%u " : "%s:%u ",
				 addr_format(&at->addr, text), (unsigned)at->port);
		}
		assert_string_equal(bound, rows[i].bound);
		spoke_config_fini(&f->c);
	}
}

/* Each of these is refused, with these words and the line in which it stands. */
static void bad_lines(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *file, *text, *words;
	} rows[] = {
		{ "spoke.conf", "Nmae = oslo\n", "spoke.conf:1" },
		{ "spoke.conf", "Nmae = oslo\n", "Name" },
		{ "spoke.conf", "\n", "no Name" },
		{ "spoke.conf", "Name = -oslo\n", "spoke.conf:1" },
		{ "spoke.conf", "Name = oslo\nName = bergen\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nAddressFamily = ipx\n", "any, ipv4, ipv6" },
		{ "spoke.conf", "Name = oslo\nCipher = aes-128\n", "auto, chacha20-poly1305" },
		{ "spoke.conf", "Name = oslo\nCrypto = wolfssl\n", "auto, openssl, ipsec-mb" },
		{ "spoke.conf", "Name = oslo\nPort = -1\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nPMTU = 575\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nPMTU = 9001\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nBindToAddress = 192.0.2.1 0\n", "spoke.conf:2" },
		{ "spoke.conf",
		  "Name = oslo\nBindToAddress = *\nBindToAddress = *\nBindToAddress = *\n",
		  "more than 4" },
		{ "spoke.conf", "Name = oslo\nPort = 65536\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nLogLevel = 6\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nWorkers = 0\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nDNS = perhaps\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nWorkers = 9\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nInterface = this-is-too-long\n", "interface" },
		{ "spoke.conf", "Name = oslo\nInterface = a/b\n", "interface" },
		{ "spoke.conf", "Name = oslo\nBindToAddress = vpn.example.com\n",
		  "is not an address" },
		{ "spoke.conf", "Name = oslo\nLocalDiscovery = perhaps\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nOfflineGrace = 10\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nDirectIdle = 65536\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nDirectMax = -1\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nIndirectData = hub\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nConnectTo = oslo\n", "itself" },
		{ "spoke.conf", "Name = oslo\nConnectTo = ../etc\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nAddress = 1.2.3.4\n", "spoke.conf:2" },
		{ "spoke.conf", "Name = oslo\nCompression = 9\n", "spoke.conf:2" },
		{ "hosts/linodeHQ", "Address = bad host name 99\n", "linodeHQ:1" },
		{ "hosts/linodeHQ", "Address = 1.2.3.4 99999\n", "optional port" },
		{ "hosts/linodeHQ", "Address = 1.2.3.4 0\n", "optional port" },
		{ "hosts/linodeHQ", "ConnectTo = x\n", "linodeHQ:1" },
		{ "hosts/oslo", "Subnet = 10.20.0.1/24\n", "10.20.0.0/24" },
		{ "hosts/oslo", "Subnet = 10.20.0.0/33\n", "is not a subnet" },
		{ "hosts/oslo", "\nSubnet = 10.20.0.0/24#x\n", "oslo:2" },
		{ "hosts/oslo", "Subnet = 10.20.0.0/24#70000\n", "weight" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		put(f, "spoke.conf", "Name = oslo\nConnectTo = linodeHQ\n");
		put(f, "hosts/linodeHQ", "Address = 11.11.11.11\n");
		put(f, "hosts/oslo", "");
		put(f, rows[i].file, rows[i].text);
		if (spoke_config_load(&f->c, &f->paths, NULL) == ERR_OK)
			fail_msg("row %zu was accepted: %s", i, rows[i].text);
		if (!strstr(f->c.raw.error, rows[i].words))
			fail_msg("row %zu: \"%s\" does not say \"%s\"", i, f->c.raw.error,
				 rows[i].words);
		spoke_config_fini(&f->c);
	}
}

/* Proxy and TCPOnly; a password is for no other eyes, and in no message. */
static void proxies(void **state)
{
	static const char *const bad[] = {
		"exec /bin/x", "http h", "https h 1", "http h 1 user", "http h 1 us:er hidden",
	};
	static const char *const on_command_line[] = { "Proxy=http h 1 u hidden", NULL };
	struct fixture *f = *state;
	char path[PATHS_FILE_SIZE], text[128];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof(text), "Name = oslo\nProxy = %s\n", bad[i]);
		put(f, "spoke.conf", text);
		assert_int_equal(spoke_config_load(&f->c, &f->paths, NULL), ERR_INVALID);
		assert_non_null(strstr(f->c.raw.error, "spoke.conf:2: Proxy: "));
		assert_null(strstr(f->c.raw.error, "hidden"));
		spoke_config_fini(&f->c);
	}
	put(f, "spoke.conf", "Name = oslo\nTCPOnly = yes\nProxy = socks5 10.0.0.1 1080\n");
	assert_int_equal(spoke_config_load(&f->c, &f->paths, NULL), ERR_OK);
	assert_true(f->c.tcp_only);
	assert_int_equal(f->c.proxy.kind, PROXY_SOCKS5);
	spoke_config_fini(&f->c);
	assert_int_equal(spoke_config_load(&f->c, &f->paths, on_command_line), ERR_INVALID);
	assert_non_null(strstr(f->c.raw.error, "command line"));
	assert_null(strstr(f->c.raw.error, "hidden"));
	spoke_config_fini(&f->c);
	put(f, "spoke.conf", "Name = oslo\nProxy = http h 1 user hidden\n");
	assert_int_equal(spoke_config_load(&f->c, &f->paths, NULL), ERR_INVALID);
	assert_non_null(strstr(f->c.raw.error, "everybody can read"));
	assert_null(strstr(f->c.raw.error, "hidden"));
	spoke_config_fini(&f->c);
	assert_int_equal(chmod(paths_join(path, f->dir, "spoke.conf"), 0640), 0);
	assert_int_equal(spoke_config_load(&f->c, &f->paths, NULL), ERR_OK);
	assert_false(f->c.tcp_only);
	assert_string_equal(f->c.proxy.password, "hidden");
	spoke_config_fini(&f->c);
	assert_int_equal(f->c.proxy.password[0], '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(guide_lines_are_valid, setup, teardown),
		cmocka_unit_test_setup_teardown(several_hubs_port_and_own_subnets, setup, teardown),
		cmocka_unit_test_setup_teardown(paths, setup, teardown),
		cmocka_unit_test_setup_teardown(strange_hosts_file, setup, teardown),
		cmocka_unit_test_setup_teardown(port_of_own_hosts_file, setup, teardown),
		cmocka_unit_test_setup_teardown(sockets_to_bind, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(proxies, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
