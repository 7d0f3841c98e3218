/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/config.h"

static const struct config_var vars[] = {
	{ "Name", CONFIG_NAME, CONFIG_SERVER, 0, 0, NULL, "" },
	{ "ConnectTo", CONFIG_NAME, CONFIG_SERVER | CONFIG_MULTIPLE, 0, 0, NULL, "" },
	{ "Port", CONFIG_INT, CONFIG_SERVER | CONFIG_HOST, 1, 65535, "6655", "" },
	{ "Offset", CONFIG_INT, CONFIG_SERVER, -10, 10, NULL, "" },
	{ "StrictKeys", CONFIG_BOOL, CONFIG_SERVER, 0, 0, "no", "" },
	{ "Subnet", CONFIG_PREFIX, CONFIG_HOST | CONFIG_MULTIPLE, 0, 0, NULL, "" },
	{ "Address", CONFIG_ADDRESS, CONFIG_HOST | CONFIG_MULTIPLE, 0, 0, NULL, "" },
	{ "Device", CONFIG_PATH, CONFIG_SERVER, 0, 0, NULL, "" },
	{ "Title", CONFIG_STRING, CONFIG_SERVER, 0, 0, NULL, "" },
	{ "OldThing", CONFIG_STRING, CONFIG_SERVER | CONFIG_OBSOLETE, 0, 0, NULL, "use Title" },
};

static enum err parse(struct config *c, const char *text, unsigned where)
{
	return config_parse(c, "f", text, strlen(text), where);
}

/* tinc's forms of a line, and what stands around them. */
static void forms(void **unused)
{
	static const char text[] = "# a comment\r\n"
				   "\n"
				   "Name = oslo\n"
				   "  # another\n"
				   "connectto=hq\r\n"
				   "CONNECTTO   hq2\n"
				   "\tTitle\t=\ta  b = c # no comment  \t\r\n"
				   "-----BEGIN RSA PUBLIC KEY-----\n"
				   "Garbage = that nobody reads\n"
				   "-----END RSA PUBLIC KEY-----\n"
				   "   \n"
				   "Device = /dev/net/tun";
	struct config c;

	(void)unused;
	config_init(&c, vars, ARRAY_LEN(vars));
	assert_int_equal(parse(&c, text, CONFIG_SERVER), ERR_OK);
	assert_string_equal(config_str(&c, "Name"), "oslo");
	assert_string_equal(config_str(&c, "ConnectTo"), "hq");
	assert_string_equal(config_nth(&c, "ConnectTo", 1)->value, "hq2");
	assert_int_equal(config_nth(&c, "ConnectTo", 1)->line, 6);
	assert_null(config_nth(&c, "ConnectTo", 2));
	assert_string_equal(config_str(&c, "title"), "a  b = c # no comment");
	assert_string_equal(config_str(&c, "Device"), "/dev/net/tun");
	assert_int_equal(config_int(&c, "Port"), 6655);
	assert_int_equal(config_int(&c, "Offset"), 0);
	assert_false(config_bool(&c, "StrictKeys"));
	assert_null(config_str(&c, "OldThing"));
	config_fini(&c);
	assert_null(config_str(&c, "Name"));
}

/* A row: the text, where it stands, and a part of the message that it must get. */
static const struct {
	const char *text;
	unsigned where;
	const char *error;
} bad[] = {
	{ "Conect = hq", CONFIG_SERVER, "f:1: unknown key 'Conect': did you mean 'ConnectTo'?" },
	{ "Port = 1\n\nprot = 2", CONFIG_SERVER, "f:3: unknown key 'prot': did you mean 'Port'?" },
	{ "Name = a\nPort=1\nNAME = b", CONFIG_SERVER, "f:3: 'Name' was set before, at f:1" },
	{ "Subnet = 10.0.0.0/8", CONFIG_SERVER, "f:1: 'Subnet' does not belong here" },
	{ "Name = a", CONFIG_HOST, "f:1: 'Name' does not belong here" },
	{ "Name", CONFIG_SERVER, "f:1: 'Name' has no value" },
	{ "Name =", CONFIG_SERVER, "f:1: 'Name' has no value" },
	{ "= x", CONFIG_SERVER, "f:1: there is no key" },
	{ "Name = .x", CONFIG_SERVER, "expected a name" },
	{ "Name = a b", CONFIG_SERVER, "expected a name" },
	{ "Port = 0", CONFIG_SERVER, "expected a number from 1 to 65535" },
	{ "Port = 65536", CONFIG_SERVER, "expected a number from 1 to 65535" },
	{ "Port = 1x", CONFIG_SERVER, "expected a whole number" },
	{ "Port = +1", CONFIG_SERVER, "expected a whole number" },
	{ "Port = -", CONFIG_SERVER, "expected a whole number" },
	{ "Port = 99999999999999999999", CONFIG_SERVER, "expected a whole number" },
	{ "Offset = -11", CONFIG_SERVER, "expected a number from -10 to 10" },
	{ "StrictKeys = maybe", CONFIG_SERVER,
	  "'maybe' is no value for 'StrictKeys': expected yes or no" },
	{ "Device = tun", CONFIG_SERVER, "expected an absolute path" },
	{ "Subnet = 10.0.0.5/24", CONFIG_HOST, "did you mean 10.0.0.0/24?" },
	{ "Subnet = 10.0.0.0/33", CONFIG_HOST, "expected a network" },
	{ "Title = a\x01z", CONFIG_SERVER, "control character" },
	{ "Evil\x1b[1m = x", CONFIG_SERVER, "control character" },
	{ "Name = a\n-----BEGIN X-----\nfoo", CONFIG_SERVER, "f:2: the block that begins here" },
};

/* Each failure names its place, and leaves nothing of the text behind. */
static void bad_rows(void **unused)
{
	struct config c;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		config_init(&c, vars, ARRAY_LEN(vars));
		assert_int_equal(parse(&c, "Title = before", CONFIG_SERVER), ERR_OK);
		assert_int_equal(parse(&c, bad[i].text, bad[i].where), ERR_INVALID);
		if (!strstr(c.error, bad[i].error))
			fail_msg("'%s' lacks '%s'", c.error, bad[i].error);
		assert_int_equal(c.count, 1);
		assert_string_equal(config_str(&c, "Title"), "before");
		config_fini(&c);
	}
}

static const struct {
	const char *value;
	bool ok;
} addresses[] = {
	{ "hub.example.org", true },
	{ "hub.example.org 655", true },
	{ "hub.example.org.\t655", true },
	{ "localhost", true },
	{ "my_host-1", true },
	{ "192.0.2.1 443", true },
	{ "2001:db8::1", true },
	{ "2001:db8::1   65535", true },
	{ "fe80::1%eth0 655", true },
	{ "3com.com", true },
	{ "hub.example.org 0", false },
	{ "hub.example.org 65536", false },
	{ "hub.example.org 655 655", false },
	{ "hub.example.org:655", false },
	{ "192.0.2.256", false },
	{ "192.0.2", false },
	{ "1234", false },
	{ "[2001:db8::1]:655", false },
	{ "2001:db8::1::", false },
	{ "a..b", false },
	{ ".a", false },
	{ "-a", false },
	{ "a-.b", false },
	{ "a-", false },
	{ "a,b", false },
	{ "192.0.2.1%eth0", false },
	{ "fe80::1%", false },
	{ "a23456789012345678901234567890123456789012345678901234567890123.b", true },
	{ "a234567890123456789012345678901234567890123456789012345678901234.b", false },
};

static void address_rows(void **unused)
{
	char text[128];
	struct config c;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		config_init(&c, vars, ARRAY_LEN(vars));
		snprintf(text, sizeof(text), "Address = %s", addresses[i].value);
		if ((parse(&c, text, CONFIG_HOST) == ERR_OK) != addresses[i].ok)
			fail_msg("%s", text);
		config_fini(&c);
	}
}

static const struct {
	const char *value;
	bool yes;
} bools[] = {
	{ "yes", true }, { "YES", true }, { "true", true },   { "1", true },
	{ "no", false }, { "No", false }, { "false", false }, { "0", false },
};

static void bool_rows(void **unused)
{
	char text[64];
	struct config c;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(bools); i++) {
		config_init(&c, vars, ARRAY_LEN(vars));
		snprintf(text, sizeof(text), "StrictKeys = %s", bools[i].value);
		assert_int_equal(parse(&c, text, CONFIG_SERVER), ERR_OK);
		assert_int_equal(config_bool(&c, "StrictKeys"), bools[i].yes);
		config_fini(&c);
	}
}

static void nul_and_long_lines(void **unused)
{
	static char text[2 * CONFIG_LINE_MAX_BYTES];
	struct config c;

	(void)unused;
	config_init(&c, vars, ARRAY_LEN(vars));
	assert_int_equal(config_parse(&c, "f", "Name = a\0b\n", 11, CONFIG_SERVER), ERR_INVALID);
	memset(text, 'x', sizeof(text));
	memcpy(text, "Title = ", 8);
	assert_int_equal(config_parse(&c, "f", text, CONFIG_LINE_MAX_BYTES + 1, CONFIG_SERVER),
			 ERR_INVALID);
	assert_non_null(strstr(c.error, "f:1: the line is longer than"));
	assert_int_equal(config_parse(&c, "f", text, CONFIG_LINE_MAX_BYTES, CONFIG_SERVER), ERR_OK);
	assert_int_equal(strlen(config_str(&c, "Title")), CONFIG_LINE_MAX_BYTES - 8);
	/* A key of the same length is quoted in part only. */
	text[5] = 'x';
	text[6] = 'x';
	text[7] = 'x';
	assert_int_equal(config_parse(&c, "f", text, CONFIG_LINE_MAX_BYTES, CONFIG_SERVER),
			 ERR_INVALID);
	assert_true(strlen(c.error) < 200);
	config_fini(&c);
}

/* The command line wins, whichever comes first; of a repeatable key it replaces all and adds up
 * itself. */
static void overrides(void **unused)
{
	static const char text[] = "Name = file\nConnectTo = a\nTitle = t\nConnectTo = b\n";
	struct config c;

	(void)unused;
	for (int file_first = 0; file_first < 2; file_first++) {
		config_init(&c, vars, ARRAY_LEN(vars));
		if (file_first)
			assert_int_equal(parse(&c, text, CONFIG_SERVER), ERR_OK);
		assert_int_equal(config_override(&c, "Name=first"), ERR_OK);
		assert_int_equal(config_override(&c, "connectto = x"), ERR_OK);
		assert_int_equal(config_override(&c, "Name=second"), ERR_OK);
		assert_int_equal(config_override(&c, "ConnectTo=y"), ERR_OK);
		if (!file_first)
			assert_int_equal(parse(&c, text, CONFIG_SERVER), ERR_OK);
		assert_string_equal(config_str(&c, "Name"), "second");
		assert_string_equal(config_nth(&c, "ConnectTo", 0)->value, "x");
		assert_string_equal(config_nth(&c, "ConnectTo", 1)->value, "y");
		assert_null(config_nth(&c, "ConnectTo", 2));
		assert_string_equal(config_str(&c, "Title"), "t");
		config_fini(&c);
	}
}

static void overrides_refused(void **unused)
{
	struct config c;

	(void)unused;
	config_init(&c, vars, ARRAY_LEN(vars));
	assert_int_equal(config_override(&c, "Name=ok"), ERR_OK);
	assert_int_equal(config_override(&c, "Nam=x"), ERR_INVALID);
	assert_string_equal(c.error, "-o: unknown key 'Nam': did you mean 'Name'?");
	assert_int_equal(config_override(&c, "Name="), ERR_INVALID);
	assert_int_equal(config_override(&c, "Name=a\nPort=1"), ERR_INVALID);
	assert_int_equal(config_override(&c, ""), ERR_INVALID);
	assert_string_equal(config_str(&c, "Name"), "ok");
	/* A file that sets a key twice is wrong, also when the command line wins. */
	assert_int_equal(parse(&c, "Name = a\nName = b\n", CONFIG_SERVER), ERR_INVALID);
	config_fini(&c);
}

static void files(void **unused)
{
	char path[64];
	struct config c;
	FILE *f;

	(void)unused;
	snprintf(path, sizeof(path), "/tmp/test_config.%d", (int)getpid());
	config_init(&c, vars, ARRAY_LEN(vars));
	unlink(path);
	assert_int_equal(config_read(&c, path, CONFIG_SERVER), ERR_NOTFOUND);
	assert_non_null(strstr(c.error, "cannot read the file: not found"));
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("Name = oslo\nOldThing = x\n", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(config_read(&c, path, CONFIG_SERVER), ERR_OK);
	assert_string_equal(config_nth(&c, "Name", 0)->file, path);
	assert_int_equal(config_complain(&c, config_nth(&c, "Name", 0), "is %s", "taken\n"),
			 ERR_INVALID);
	assert_non_null(strstr(c.error, ":1: is taken?"));
	assert_int_equal(unlink(path), 0);
	config_fini(&c);
}

static void many_lines(void **unused)
{
	static char text[(CONFIG_ENTRIES_MAX + 1) * 12 + 1];
	struct config c;
	size_t n = 0;

	(void)unused;
	for (unsigned i = 0; i <= CONFIG_ENTRIES_MAX; i++) {
		memcpy(text + n, "ConnectTo a\n", 12);
		n += 12;
	}
	config_init(&c, vars, ARRAY_LEN(vars));
	assert_int_equal(config_parse(&c, "f", text, n, CONFIG_SERVER), ERR_LIMIT);
	assert_string_equal(c.error, "f:65537: too many lines");
	assert_int_equal(config_parse(&c, "f", text, n - 12, CONFIG_SERVER), ERR_OK);
	assert_int_equal(c.count, CONFIG_ENTRIES_MAX);
	config_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(bad_rows),
		cmocka_unit_test(address_rows),
		cmocka_unit_test(bool_rows),
		cmocka_unit_test(nul_and_long_lines),
		cmocka_unit_test(overrides),
		cmocka_unit_test(overrides_refused),
		cmocka_unit_test(files),
		cmocka_unit_test(many_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
