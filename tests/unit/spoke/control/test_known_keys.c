/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose key is it: what is taken silently, what is in doubt, and the file that remembers it. */
#include "spoke/control/known_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "shared/keys/keys.h"

#include <openssl/evp.h>

static struct node node_of(uint32_t id, const char *name, uint8_t key)
{
	struct node n = { .id = id, .has_identity = true, .identity_key = { { key } } };

	snprintf(n.name, sizeof(n.name), "%s", name);
	return n;
}

/* What comes next, and what is known afterwards. */
struct step {
	uint32_t id;
	const char *name;
	uint8_t key;
	enum known_verdict verdict;
	bool news;    /* a doubt that was not there */
	bool doubted; /* afterwards */
};

static void run(struct known_keys *k, const struct step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct node x = node_of(steps[i].id, steps[i].name, steps[i].key);
		enum known_verdict v = known_keys_judge(k, &x);
		bool news = false;

		if (v != steps[i].verdict || known_keys_note(k, &x, 1000, &news) ||
		    news != steps[i].news || known_keys_doubts(k, &x) != steps[i].doubted)
			fail_msg("step %zu: verdict %d, news %d", i, (int)v, (int)news);
	}
}

static void a_name_has_its_key(void **state)
{
	static const struct step steps[] = {
		{ 3, "oslo", 1, KNOWN_NEW, false, false },
		{ 3, "oslo", 1, KNOWN_SAME, false, false },
		{ 4, "bergen", 2, KNOWN_NEW, false, false },
		/* Joined anew; told once, until it is yet another key. */
		{ 3, "oslo", 9, KNOWN_BROKEN, true, true },
		{ 3, "oslo", 9, KNOWN_BROKEN, false, true },
		{ 3, "oslo", 8, KNOWN_BROKEN, true, true },
		{ 3, "oslo", 1, KNOWN_SAME, false, false },
		{ 3, "oslo", 9, KNOWN_BROKEN, true, true },
		/* Another node under the name. */
		{ 7, "bergen", 5, KNOWN_BROKEN, true, true },
		{ 7, "bergen", 2, KNOWN_SAME, false, false },
	};
	struct known_keys k;

	(void)state;
	assert_int_equal(known_keys_init(&k), ERR_OK);
	run(&k, steps, ARRAY_LEN(steps));
	assert_int_equal(k.n_doubted, 1);
	assert_int_equal(known_keys_find(&k, "oslo")->key.b[0], 1);
	assert_int_equal(known_keys_find(&k, "oslo")->offered.b[0], 9);
	known_keys_fini(&k);
}

static void names_change(void **state)
{
	static const struct step steps[] = {
		{ 3, "oslo", 1, KNOWN_NEW, false, false },
		/* A rename keeps the key, and so does a second one. */
		{ 3, "drammen", 1, KNOWN_SAME, false, false },
		{ 3, "moss", 1, KNOWN_SAME, false, false },
		/* A rename does not hide another key, */
		{ 3, "hamar", 2, KNOWN_BROKEN, true, true },
		{ 3, "fagernes", 2, KNOWN_BROKEN, false, true },
		/* nor make room for somebody else under the old name. */
		{ 9, "oslo", 6, KNOWN_BROKEN, true, true },
		/* Back under the first name with the first key: all is well. */
		{ 3, "oslo", 1, KNOWN_SAME, false, false },
	};
	struct known_keys k;

	(void)state;
	assert_int_equal(known_keys_init(&k), ERR_OK);
	run(&k, steps, ARRAY_LEN(steps));
	/* An id is at one name only. */
	assert_int_equal(k.by_id.count, 1);
	assert_int_equal(known_keys_find(&k, "oslo")->id, 3);
	assert_int_equal(known_keys_find(&k, "moss")->id, 0);
	known_keys_fini(&k);
}

static void an_admin_accepts(void **state)
{
	const struct node first = node_of(3, "oslo", 1), other = node_of(3, "oslo", 2);
	struct known_keys k;
	bool news;

	(void)state;
	assert_int_equal(known_keys_init(&k), ERR_OK);
	assert_int_equal(known_keys_note(&k, &first, 1, &news), ERR_OK);
	assert_int_equal(known_keys_note(&k, &other, 2, &news), ERR_OK);
	assert_true(known_keys_doubts(&k, &other));
	assert_int_equal(known_keys_accept(&k, &other), ERR_OK);
	assert_false(known_keys_doubts(&k, &other));
	assert_int_equal(k.n_doubted, 0);
	/* The one before is now the stranger. */
	assert_int_equal(known_keys_judge(&k, &first), KNOWN_BROKEN);
	known_keys_fini(&k);
}

static void sign(const struct keys *old, const struct public_key *young, struct node_link *out)
{
	EVP_PKEY *pkey =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, old->identity.b, KEY_BYTES);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t input[NODE_SIGN_INPUT_MAX];
	size_t n = node_identity_sign_input(young, input), len = sizeof(out->sig);

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey), 1);
	assert_int_equal(EVP_DigestSign(ctx, out->sig, &len, input, n), 1);
	out->key = old->identity_public;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}

/* Two replacements while nobody looked: each key has signed the next. */
static void a_signed_key_follows(void **state)
{
	struct node_link chain[2];
	struct keys keys[3];
	struct known_keys k;
	struct node n = node_of(3, "oslo", 0);
	bool news;

	(void)state;
	assert_int_equal(known_keys_init(&k), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_int_equal(keys_generate(&keys[i]), ERR_OK);
	n.identity_key = keys[0].identity_public;
	assert_int_equal(known_keys_note(&k, &n, 1, &news), ERR_OK);
	sign(&keys[1], &keys[2].identity_public, &chain[0]);
	sign(&keys[0], &keys[1].identity_public, &chain[1]);
	n.identity_key = keys[2].identity_public;
	n.chain = chain;
	n.n_chain = 1;
	assert_int_equal(known_keys_judge(&k, &n), KNOWN_BROKEN);
	n.n_chain = 2;
	assert_int_equal(known_keys_judge(&k, &n), KNOWN_FOLLOWS);
	chain[1].sig[5] ^= 1;
	assert_int_equal(known_keys_judge(&k, &n), KNOWN_BROKEN);
	chain[1].sig[5] ^= 1;
	assert_int_equal(known_keys_note(&k, &n, 1, &news), ERR_OK);
	assert_false(news);
	/* From here on the new one counts: the key that was replaced is good for nothing. */
	n.identity_key = keys[0].identity_public;
	n.n_chain = 0;
	assert_int_equal(known_keys_judge(&k, &n), KNOWN_BROKEN);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		keys_forget_secrets(&keys[i]);
	known_keys_fini(&k);
}

/* A flood of nodes does not wash out what is known, and what is known is judged all the same. */
static void full(void **state)
{
	struct known_keys k;
	struct node n = node_of(1, "oslo", 1);
	bool news;

	(void)state;
	assert_int_equal(known_keys_init(&k), ERR_OK);
	for (uint32_t i = 0; i < KNOWN_KEYS_MAX; i++) {
		assert_int_equal(known_keys_note(&k, &n, 1, &news), ERR_OK);
		n = node_of(i + 2, "x", 3);
		snprintf(n.name, sizeof(n.name), "n%u", i);
	}
	assert_int_equal(known_keys_note(&k, &n, 1, &news), ERR_LIMIT);
	assert_false(known_keys_doubts(&k, &n));
	n = node_of(1, "oslo", 2);
	assert_int_equal(known_keys_note(&k, &n, 1, &news), ERR_OK);
	assert_true(news && known_keys_doubts(&k, &n));
	n = node_of(1, "another_name", 2);
	assert_int_equal(known_keys_note(&k, &n, 1, &news), ERR_LIMIT);
	assert_true(known_keys_doubts(&k, &n));
	known_keys_fini(&k);
}

#define KEY1 "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY2 "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void reads_its_file(void **state)
{
	static const struct {
		const char *text;
		enum err e;
		size_t n;
	} rows[] = {
		{ "", ERR_OK, 0 },
		{ "3 oslo " KEY1 "\n", ERR_OK, 1 },
		{ "0 oslo " KEY1 "\n", ERR_OK, 1 },
		{ "4 bergen " KEY2 " " KEY1 " 1790000000000\n", ERR_OK, 1 },
		{ "3 oslo " KEY1 "\n0 bergen " KEY2 "\n0 moss " KEY2 "\n", ERR_OK, 3 },
		{ "3 oslo " KEY1 "\n4 oslo " KEY1 "\n", ERR_INVALID, 0 },
		{ "3 oslo " KEY1 "\n3 moss " KEY1 "\n", ERR_INVALID, 0 },
		{ "3 oslo " KEY1, ERR_INVALID, 0 },
		{ "3 oslo " KEY1 " " KEY2 "\n", ERR_INVALID, 0 },
		{ "3 oslo " KEY1 " " KEY2 " 1 x\n", ERR_INVALID, 0 },
		{ "3 oslo " KEY1 " " KEY2 " -1\n", ERR_INVALID, 0 },
		{ "3 oslo " KEY1 " " KEY2 " 9999999999999999999\n", ERR_INVALID, 0 },
		{ "3 oslo\n", ERR_INVALID, 0 },
		{ "-3 oslo " KEY1 "\n", ERR_INVALID, 0 },
		{ "4294967296 oslo " KEY1 "\n", ERR_INVALID, 0 },
		{ "3 .oslo " KEY1 "\n", ERR_INVALID, 0 },
		{ "3 oslo AQ==\n", ERR_INVALID, 0 },
		{ "3 oslo " KEY1 "\n\n", ERR_INVALID, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct known_keys k;
		struct buf b;

		assert_int_equal(known_keys_init(&k), ERR_OK);
		if (known_keys_decode(&k, rows[i].text, strlen(rows[i].text)) != rows[i].e ||
		    k.by_name.count != rows[i].n)
			fail_msg("row %zu", i);
		buf_init(&b, 1 << 16);
		assert_int_equal(known_keys_encode(&k, &b), ERR_OK);
		/* With one entry there is but one order. */
		if (rows[i].n == 1)
			assert_string_equal(buf_cstr(&b), rows[i].text);
		buf_fini(&b);
		known_keys_fini(&k);
	}
}

static void writes_its_file(void **state)
{
	char dir[] = "/tmp/known-keys-XXXXXX", path[64];
	const struct node oslo = node_of(3, "oslo", 1), other = node_of(3, "oslo", 2);
	struct known_keys k, again;
	bool news;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/known-keys", dir);
	assert_int_equal(known_keys_init(&k), ERR_OK);
	assert_int_equal(known_keys_init(&again), ERR_OK);
	assert_int_equal(known_keys_load(&k, path), ERR_NOTFOUND);
	assert_int_equal(known_keys_save(&k, path), ERR_OK);
	assert_int_not_equal(access(path, F_OK), 0); /* nothing to say */
	assert_int_equal(known_keys_note(&k, &oslo, 5, &news), ERR_OK);
	assert_int_equal(known_keys_note(&k, &other, 6, &news), ERR_OK);
	assert_int_equal(known_keys_save(&k, path), ERR_OK);
	assert_int_equal(known_keys_load(&again, path), ERR_OK);
	assert_true(known_keys_doubts(&again, &other));
	assert_int_equal(known_keys_find(&again, "oslo")->since_ms, 6);
	/* What was told before the restart is no news after it. */
	assert_int_equal(known_keys_note(&again, &other, 7, &news), ERR_OK);
	assert_false(news);
	unlink(path);
	/* Nothing has changed, so nothing is written. */
	assert_int_equal(known_keys_save(&again, path), ERR_OK);
	assert_int_not_equal(access(path, F_OK), 0);
	rmdir(dir);
	known_keys_fini(&again);
	known_keys_fini(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_has_its_key),
		cmocka_unit_test(names_change),
		cmocka_unit_test(an_admin_accepts),
		cmocka_unit_test(a_signed_key_follows),
		cmocka_unit_test(full),
		cmocka_unit_test(reads_its_file),
		cmocka_unit_test(writes_its_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
