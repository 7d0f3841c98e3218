/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys: made, written, read again; who may not read them; and what a tunnel key's signature vouches
 * for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/base64.h"
#include "shared/base/file.h"
#include "shared/keys/keys.h"

static char identity_file[64], tunnel_file[64], dir[32];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/keys-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(identity_file, sizeof(identity_file), "%s/i", dir);
	snprintf(tunnel_file, sizeof(tunnel_file), "%s/t", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(identity_file);
	unlink(tunnel_file);
	rmdir(dir);
	return 0;
}

static void put_key(const char *path, const uint8_t key[KEY_BYTES], mode_t mode)
{
	char text[KEY_BASE64_SIZE + 1];

	base64_encode(key, KEY_BYTES, text);
	text[KEY_BASE64_SIZE - 1] = '\n';
	assert_int_equal(file_write_atomic(path, text, KEY_BASE64_SIZE, mode), ERR_OK);
}

static void survive_a_file(void **state)
{
	struct keys k, again;

	(void)state;
	assert_int_equal(keys_generate(&k), ERR_OK);
	put_key(identity_file, k.identity.b, 0600);
	put_key(tunnel_file, k.tunnel.b, 0600);
	assert_int_equal(keys_read(&again, identity_file, tunnel_file), ERR_OK);
	assert_memory_equal(&again, &k, sizeof(k));
	keys_forget_secrets(&again);
	assert_true(secret_is_zero(&again.identity, sizeof(again.identity)));
	assert_true(secret_is_zero(&again.tunnel, sizeof(again.tunnel)));
}

static void others_may_not_read(void **state)
{
	struct keys k, again;

	(void)state;
	assert_int_equal(keys_generate(&k), ERR_OK);
	put_key(identity_file, k.identity.b, 0640);
	put_key(tunnel_file, k.tunnel.b, 0600);
	assert_int_equal(keys_read(&again, identity_file, tunnel_file), ERR_DENIED);
	assert_int_equal(keys_read(&again, tunnel_file, "/nonexistent/key"), ERR_NOTFOUND);
}

static void bad_files(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"short",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= x\n",
		"!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nmore\n",
	};
	static const char spaced[] = "  AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	struct secret_key s;

	(void)state;
	assert_int_equal(file_write_atomic(tunnel_file, spaced, sizeof(spaced) - 1, 0400), ERR_OK);
	assert_int_equal(keys_read_secret(tunnel_file, &s), ERR_OK);
	assert_int_equal(keys_read_secret(dir, &s), ERR_DENIED);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(file_write_atomic(tunnel_file, texts[i], strlen(texts[i]), 0600),
				 ERR_OK);
		assert_int_equal(keys_read_secret(tunnel_file, &s), ERR_INVALID);
	}
}

static void signature_covers_both_keys(void **state)
{
	struct keys a, b;
	uint8_t sig[KEYS_SIGNATURE_BYTES];

	(void)state;
	assert_int_equal(keys_generate(&a), ERR_OK);
	assert_int_equal(keys_generate(&b), ERR_OK);
	assert_true(keys_tunnel_is_signed(&a.identity_public, &a.tunnel_public, a.tunnel_sig));
	assert_false(keys_tunnel_is_signed(&b.identity_public, &a.tunnel_public, a.tunnel_sig));
	assert_false(keys_tunnel_is_signed(&a.identity_public, &b.tunnel_public, a.tunnel_sig));
	for (size_t i = 0; i < sizeof(sig); i++) {
		memcpy(sig, a.tunnel_sig, sizeof(sig));
		sig[i] ^= 1;
		assert_false(keys_tunnel_is_signed(&a.identity_public, &a.tunnel_public, sig));
	}
	assert_false(keys_tunnel_is_weak(&a.tunnel_public));
	memset(sig, 0, sizeof(sig));
	assert_false(keys_tunnel_is_signed(&a.identity_public, &a.tunnel_public, sig));
}

/* The points of small order, from RFC 7748 section 6.1's remark: each makes a shared secret of
 * zeros. */
static void weak_points(void **state)
{
	static const char *const cases[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	struct public_key p;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(hex_decode(cases[i], p.b, sizeof(p.b), &n), ERR_OK);
		if (!keys_tunnel_is_weak(&p))
			fail_msg("%s is taken", cases[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(survive_a_file, setup, teardown),
		cmocka_unit_test_setup_teardown(others_may_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_files, setup, teardown),
		cmocka_unit_test(signature_covers_both_keys),
		cmocka_unit_test(weak_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
