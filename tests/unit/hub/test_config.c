/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hub.conf: what each line becomes, and what each bad line is told. */
#include "hub/config.h"
#include "shared/conf/vars.h"
#include "shared/wire/limits.h"
#include "tests/lib/store_fixture.h"

#include <strings.h>

/* Loads `text` as the hub.conf of network "linodeVPNnetwork" (16 bytes: one too many for an
 * interface). */
static enum err load(struct fixture *f, const char *text, const char *const *overrides,
		     struct hub_config *c)
{
	struct paths paths;
	char path[PATHS_FILE_SIZE];
	FILE *file;

	fixture_dir(f);
	assert_ok(paths_init(&paths, "linodeVPNnetwork", f->dir));
	file = fopen(paths_join(path, f->dir, "hub.conf"), "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return hub_config_load(c, &paths, overrides);
}

static void unload(struct fixture *f, struct hub_config *c)
{
	hub_config_fini(c);
	fixture_close(f);
}

/* ConnectTo lines: each name once, with the Address lines of its hosts file. */
static void branches(void **state)
{
	struct hub_config c;
	struct fixture f;
	char path[PATHS_FILE_SIZE];
	FILE *file;

	(void)state;
	assert_int_equal(load(&f, "Name = hq\nConnectTo = hq\n", NULL, &c), ERR_INVALID);
	assert_non_null(strstr(c.raw.error, "itself"));
	hub_config_fini(&c);
	assert_int_equal(mkdir(paths_join(path, f.dir, "hosts"), 0700), 0);
	file = fopen(paths_join(path, f.dir, "hosts/oslo"), "w");
	assert_non_null(file);
	fputs("Address = oslo.example.com\nAddress = 192.0.2.1 7000\nPort = 7655\n"
	      "Subnet = 10.20.0.0/24\nPMTU = 1300\nPMTUDiscovery = no\n",
	      file);
	fclose(file);
	file = fopen(paths_join(path, f.dir, "hosts/old"), "w");
	assert_non_null(file);
	fputs("Cipher = blowfish\n", file);
	fclose(file);
	file = fopen(paths_join(path, f.dir, "hub.conf"), "w");
	assert_non_null(file);
	fputs("Name = hq\nConnectTo = oslo\nConnectTo = bergen\nConnectTo = oslo\n"
	      "ConnectTo = old\n",
	      file);
	fclose(file);
	struct paths paths;
	assert_ok(paths_init(&paths, "linodeVPNnetwork", f.dir));
	assert_ok(hub_config_load(&c, &paths, NULL));
	assert_int_equal(c.n_branches, 3);
	assert_null(hub_config_branch(&c, "linode1"));
	assert_non_null(hub_config_branch(&c, "bergen"));
	assert_int_equal(hub_config_branch(&c, "bergen")->n_addresses, 0);
	assert_int_equal(hub_config_branch(&c, "bergen")->pmtu_max, 0);
	assert_false(hub_config_branch(&c, "bergen")->pmtu_fixed);
	assert_int_equal(hub_config_branch(&c, "oslo")->pmtu_max, 1300);
	assert_true(hub_config_branch(&c, "oslo")->pmtu_fixed);
	assert_int_equal(hub_config_branch(&c, "oslo")->n_addresses, 2);
	assert_string_equal(hub_config_branch(&c, "oslo")->addresses[0], "oslo.example.com 7655");
	assert_string_equal(hub_config_branch(&c, "oslo")->addresses[1], "192.0.2.1 7000");
	assert_non_null(strstr(c.host_warning, "old:1"));
	/* SIGHUP: other lines, and then none that are right. */
	struct hub_branch *before = c.branches, *old = NULL;
	char error[CONFIG_ERROR_SIZE];
	file = fopen(paths_join(path, f.dir, "hub.conf"), "w");
	assert_non_null(file);
	fputs("Name = hq\nConnectTo = oslo\nConnectTo = paris\n", file);
	fclose(file);
	assert_ok(hub_config_reload(&c, &old, error));
	assert_ptr_equal(old, before);
	assert_string_equal(old[0].name, "bergen");
	free(old);
	assert_int_equal(c.n_branches, 2);
	assert_int_equal(hub_config_branch(&c, "oslo")->n_addresses, 2);
	assert_non_null(hub_config_branch(&c, "paris"));
	assert_string_equal(c.host_warning, "");
	assert_ok(hub_config_reload(&c, NULL, error));
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("Name = hq\nConectTo = oslo\n", file);
	fclose(file);
	assert_int_not_equal(hub_config_reload(&c, &old, error), ERR_OK);
	assert_non_null(strstr(error, "did you mean 'ConnectTo'"));
	assert_int_equal(c.n_branches, 2);
	unload(&f, &c);
}

static void defaults(void **state)
{
	struct hub_config c;
	struct fixture f;

	(void)state;
	assert_ok(load(&f,
		       "# as the guide has it\nName = linodeHQ\nDevice = "
		       "/dev/net/tun\nAddressFamily = ipv4\nConnectTo = linode1\n"
		       "ConnectTo linode2\n",
		       NULL, &c));
	assert_string_equal(c.name, "linodeHQ");
	assert_string_equal(c.interface, "linodeVPNnetwor");
	assert_string_equal(c.user, "branchline");
	assert_string_equal(c.group, "branchline");
	assert_string_equal(c.device, "/dev/net/tun");
	assert_int_equal(c.port, UDP_PORT_DEFAULT);
	assert_int_equal(c.nat_port, UDP_PORT_DEFAULT + 1);
	assert_int_equal(c.n_udp, 1);
	assert_int_equal(c.n_tcp, 1);
	assert_int_equal(c.udp[0].addr.family, AF_INET);
	assert_int_equal(c.udp[0].port, UDP_PORT_DEFAULT);
	assert_int_equal(c.n_https, 1);
	assert_int_equal(c.https[0].port, HTTPS_PORT_DEFAULT);
	assert_null(c.bind_interface);
	assert_int_equal(c.fwmark, 0);
	assert_int_equal(c.crypto, AEAD_AUTO);
	assert_non_null(strstr(c.identity_key_file, "/identity.key"));
	assert_non_null(strstr(c.api_socket, "/api.sock"));
	unload(&f, &c);
}

static void listeners(void **state)
{
	static const struct {
		const char *text;
		unsigned n_udp, n_https;
		const char *first_udp, *first_https;
	} cases[] = {
		{ "", 2, 2, "[::]:6655", "[::]:8655" },
		{ "Port = 655\n", 2, 2, "[::]:655", "[::]:8655" },
		{ "AddressFamily = ipv6\n", 1, 1, "[::]:6655", "[::]:8655" },
		{ "BindToAddress = 192.0.2.1\nPort = 7000\n", 1, 2, "192.0.2.1:7000", "[::]:8655" },
		{ "BindToAddress = 192.0.2.1 443\nListenAddress = 2001:db8::1\n", 2, 2,
		  "192.0.2.1:443", "[::]:8655" },
		{ "BindToAddress = *\n", 2, 2, "[::]:6655", "[::]:8655" },
		{ "BindToAddress = * 443\nAddressFamily = ipv4\n", 1, 1, "0.0.0.0:443",
		  "0.0.0.0:8655" },
		{ "ApiListen = none\n", 2, 0, "[::]:6655", NULL },
		{ "ApiListen = 127.0.0.1 9000\nApiListen = [::1]:9001\n", 2, 2, "[::]:6655",
		  "127.0.0.1:9000" },
	};
	char config[512], text[ENDPOINT_STR_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct hub_config c;
		struct fixture f;

		snprintf(config, sizeof(config), "Name = hq\n%s", cases[i].text);
		if (load(&f, config, NULL, &c))
			fail_msg("%s: %s", config, c.raw.error);
		assert_int_equal(c.n_udp, cases[i].n_udp);
		assert_int_equal(c.n_tcp, cases[i].n_udp);
		assert_int_equal(c.n_https, cases[i].n_https);
		assert_string_equal(endpoint_format(&c.udp[0], text), cases[i].first_udp);
		assert_string_equal(endpoint_format(&c.tcp[0], text), cases[i].first_udp);
		if (cases[i].first_https)
			assert_string_equal(endpoint_format(&c.https[0], text),
					    cases[i].first_https);
		unload(&f, &c);
	}
}

/* Each complaint names file and line, except for what is not there. */
static void refusals(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "no Name" },
		{ "Name = hq\nFrobnicate = 1\n", "hub.conf:2" },
		{ "Name = a b\n", "hub.conf:1" },
		{ "Name = hq\nPort = 0\n", "hub.conf:2" },
		{ "Name = hq\nPMTU = 575\n", "hub.conf:2" },
		{ "Name = hq\nClampMSS = perhaps\n", "hub.conf:2" },
		{ "Name = hq\nPort = 65536\n", "hub.conf:2" },
		{ "Name = hq\nAddressFamily = ipx\n", "hub.conf:2" },
		{ "Name = hq\nMode = switch\n", "hub.conf:2" },
		{ "Name = hq\nCrypto = wolfssl\n", "auto, openssl, ipsec-mb" },
		{ "Name = hq\nDeviceType = tap\n", "hub.conf:2" },
		{ "Name = hq\nDevice = tun0\n", "hub.conf:2" },
		{ "Name = hq\nInterface = much-too-long-for-one\n", "hub.conf:2" },
		{ "Name = hq\nInterface = a/b\n", "hub.conf:2" },
		{ "Name = hq\nBindToAddress = hq.example.com\n", "hub.conf:2" },
		{ "Name = hq\nBindToAddress = 192.0.2.1 0\n", "hub.conf:2" },
		{ "Name = hq\nBindToAddress = 192.0.2.1 65536\n", "hub.conf:2" },
		{ "Name = hq\nBindToAddress = *x\n", "hub.conf:2" },
		{ "Name = hq\nApiListen = none\nApiListen = 127.0.0.1\nApiListen = bad\n", NULL },
		{ "Name = hq\nApiListen = bad\n", "hub.conf:2" },
		{ "Name = hq\nBindToAddress = 192.0.2.1\nBindToAddress = 192.0.2.2\nBindToAddress "
		  "= 192.0.2.3\n"
		  "BindToAddress = 192.0.2.4\nBindToAddress = 192.0.2.5\n",
		  "hub.conf:6" },
		{ "Name = hq\nName = hq2\n", "hub.conf:2" },
		{ "Name = hq\nLogLevel = 9\n", "hub.conf:2" },
		{ "Name = hq\nWorkers = 0\n", "hub.conf:2" },
		{ "Name = hq\nDNS = maybe\n", "hub.conf:2" },
		{ "Name = hq\nDNS = yes\n", NULL },
		{ "Name = hq\nDevice = none\nDNS = yes\n", "hub.conf:3" },
		{ "Name = hq\nWorkers = 9\n", "hub.conf:2" },
		{ "Name = hq\nWorkers = 8\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct hub_config c;
		struct fixture f;
		enum err e = load(&f, cases[i].text, NULL, &c);

		if (cases[i].says ? !e || !strstr(c.raw.error, cases[i].says) : e)
			fail_msg("%s: %s: %s", cases[i].text, err_str(e), c.raw.error);
		unload(&f, &c);
	}
}

static void no_file_and_overrides(void **state)
{
	static const char *const overrides[] = { "Port=443", "Device=none", NULL }, *const bad[] = {
		"Prt=443", NULL
	};
	struct hub_config c;
	struct paths paths;
	struct fixture f;

	(void)state;
	fixture_dir(&f);
	assert_ok(paths_init(&paths, "net", f.dir));
	assert_int_equal(hub_config_load(&c, &paths, NULL), ERR_NOTFOUND);
	assert_non_null(strstr(c.raw.error, "init"));
	unload(&f, &c);
	assert_ok(load(&f, "Name = hq\nPort = 655\n", overrides, &c));
	assert_int_equal(c.port, 443);
	assert_int_equal(c.udp[0].port, 443);
	assert_int_equal(c.nat_port, 444);
	assert_int_equal(c.n_nat_udp, c.n_udp);
	assert_int_equal(c.nat_udp[0].port, 444);
	assert_string_equal(c.device, "none");
	unload(&f, &c);
	assert_int_not_equal(load(&f, "Name = hq\n", bad, &c), ERR_OK);
	unload(&f, &c);
}

/* The table is also the manual: each row has a sentence, and none is named twice. */
static void table(void **state)
{
	size_t n;
	const struct config_var *vars = conf_vars(CONF_HUB, &n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_true(vars[i].help && strlen(vars[i].help) > 10);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(strcasecmp(vars[i].name, vars[k].name), 0);
	}
}

/* ListenTCP: a port for all addresses, which spokes are told, or one address of its own. */
static void more_tcp_ports(void **state)
{
	static const char *const bad[] = {
		"ListenTCP = 0\n",
		"ListenTCP = 65536\n",
		"ListenTCP = 6655\n",
		"ListenTCP = https\n",
		"ListenTCP = 443\nListenTCP = 443\n",
		"ListenTCP = 1\nListenTCP = 2\nListenTCP = 3\nListenTCP = 4\nListenTCP = 5\n",
	};
	char text[256];
	struct hub_config c;
	struct fixture f;

	(void)state;
	assert_ok(load(&f, "Name = hq\nListenTCP = 443\nListenTCP = 192.0.2.1 8443\n", NULL, &c));
	assert_int_equal(c.n_udp, 2);
	assert_int_equal(c.n_tcp, 5);
	assert_int_equal(c.tcp[0].port, UDP_PORT_DEFAULT);
	assert_int_equal(c.tcp[2].port, 443);
	assert_int_equal(c.tcp[3].port, 443);
	assert_int_equal(c.tcp[4].port, 8443);
	assert_int_equal(c.n_tcp_ports, 1);
	assert_int_equal(c.tcp_ports[0], 443);
	unload(&f, &c);
	for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
		snprintf(text, sizeof(text), "Name = hq\nAddressFamily = ipv4\n%s", bad[k]);
		if (load(&f, text, NULL, &c) == ERR_OK)
			fail_msg("taken: %s", bad[k]);
		assert_non_null(strstr(c.raw.error, "hub.conf:"));
		unload(&f, &c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(branches),
		cmocka_unit_test(defaults),
		cmocka_unit_test(listeners),
		cmocka_unit_test(refusals),
		cmocka_unit_test(no_file_and_overrides),
		cmocka_unit_test(table),
		cmocka_unit_test(more_tcp_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
