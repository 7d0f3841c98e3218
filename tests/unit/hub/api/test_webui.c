/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <zlib.h>

#include "hub/api/context.h"
#include "hub/api/routes.h"
#include "hub/api/webui.h"

/* The admin page's files, with a table of our own in place of the one that the build makes. */

#define SCRIPT "console.log('branchline');\n"

static char script_gzip[128], page_gzip[128], broken_gzip[] = "no gzip at all";

static size_t compress_to(char *out, size_t size, const char *text)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)text,
		       .avail_in = (uInt)strlen(text),
		       .next_out = (Bytef *)out,
		       .avail_out = (uInt)size };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

#define HASH "0123456789abcdef0123456789abcdef"

/* The lengths are filled in by setup(). */
static struct webui_file files[] = {
	{ "app-ABCDEFGH.js", "text/javascript; charset=utf-8", HASH, script_gzip, 0, 0, true },
	{ "broken.js", "text/javascript", HASH, broken_gzip, sizeof(broken_gzip) - 1, 5, false },
	{ "index.html", "text/html; charset=utf-8", HASH, page_gzip, 0, 0, false },
};
extern const struct webui_file webui_files[ARRAY_LEN(files)] __attribute__((alias("files")));
const size_t webui_n_files = ARRAY_LEN(files);

static struct api api;

static int setup(void **unused)
{
	(void)unused;
	waits_init(&api.waits, NULL, NULL);
	files[0].gzip_len = compress_to(script_gzip, sizeof(script_gzip), SCRIPT);
	files[2].gzip_len = compress_to(page_gzip, sizeof(page_gzip), "<p>page</p>");
	return 0;
}

/* Nobody asks for a file; the caller ends the request. */
static void ask(struct request *r, const char *path, const char *accept, const char *etag)
{
	request_init(r);
	r->api = &api;
	r->routes = &api_routes;
	r->method = router_method("GET");
	r->path = path;
	r->headers.accept_encoding = accept;
	r->headers.if_none_match = etag;
	if (!request_begin(r))
		request_run(r);
}

static const char *head(const struct request *r, const char *name)
{
	const char *value = reply_header_get(&r->reply, name);

	return value ? value : "";
}

static void compressed_for_who_takes_it(void **unused)
{
	struct request r;

	(void)unused;
	ask(&r, "/ui/app-ABCDEFGH.js", "br, gzip;q=0.8", NULL);
	assert_int_equal(r.reply.status, 200);
	assert_string_equal(head(&r, "Content-Encoding"), "gzip");
	assert_string_equal(head(&r, "Vary"), "Accept-Encoding");
	assert_string_equal(r.reply.content_type, "text/javascript; charset=utf-8");
	assert_ptr_equal(r.reply.fixed, script_gzip);
	assert_int_equal(r.reply.fixed_len, files[0].gzip_len);
	request_fini(&r);

	ask(&r, "/ui/app-ABCDEFGH.js", NULL, NULL);
	assert_int_equal(r.reply.status, 200);
	assert_string_equal(head(&r, "Content-Encoding"), "");
	assert_int_equal(buf_len(&r.reply.body), strlen(SCRIPT));
	assert_memory_equal(buf_data(&r.reply.body), SCRIPT, strlen(SCRIPT));
	request_fini(&r);
}

static void kept_as_long_as_is_right(void **unused)
{
	struct request r;

	(void)unused;
	ask(&r, "/ui/app-ABCDEFGH.js", "gzip", NULL);
	assert_string_equal(head(&r, "Cache-Control"), "public, max-age=31536000, immutable");
	request_fini(&r);
	ask(&r, "/", "gzip", NULL);
	assert_int_equal(r.reply.status, 200);
	assert_string_equal(r.reply.content_type, "text/html; charset=utf-8");
	assert_string_equal(head(&r, "Cache-Control"), "no-cache");
	request_fini(&r);
}

static void unchanged_is_not_sent_again(void **unused)
{
	struct request r;
	char etag[64], plain[64];

	(void)unused;
	ask(&r, "/", "gzip", NULL);
	snprintf(etag, sizeof(etag), "%s", head(&r, "ETag"));
	request_fini(&r);
	ask(&r, "/", NULL, NULL);
	snprintf(plain, sizeof(plain), "%s", head(&r, "ETag"));
	request_fini(&r);
	/* Two representations, two strong tags (RFC 9110, section 8.8.3). */
	assert_string_not_equal(etag, plain);
	ask(&r, "/", "gzip", etag);
	assert_int_equal(r.reply.status, 304);
	assert_null(r.reply.fixed);
	request_fini(&r);
	ask(&r, "/", "gzip", plain);
	assert_int_equal(r.reply.status, 200);
	request_fini(&r);
}

static void nothing_but_its_own(void **unused)
{
	struct request r;
	const char *policy;

	(void)unused;
	ask(&r, "/", "gzip", NULL);
	policy = head(&r, "Content-Security-Policy");
	assert_non_null(strstr(policy, "default-src 'none'"));
	assert_non_null(strstr(policy, "frame-ancestors 'none'"));
	assert_null(strstr(policy, "unsafe"));
	assert_null(strstr(policy, "http"));
	/* It was not cut. */
	assert_non_null(strstr(policy, "require-trusted-types-for 'script'"));
	request_fini(&r);
}

static void what_is_not_there(void **unused)
{
	static const char *const paths[] = { "/ui/", "/ui/nothing.js", "/ui/app-ABCDEFGH.js/x",
					     "/ui/..", "/ui" };
	struct request r;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		ask(&r, paths[i], "gzip", NULL);
		assert_int_equal(r.reply.status, 404);
		request_fini(&r);
	}
	ask(&r, "/ui/broken.js", NULL, NULL);
	assert_int_equal(r.reply.status, 503);
	assert_string_equal(head(&r, "ETag"), "");
	request_fini(&r);
}

static void accept_encoding(void **unused)
{
	static const struct {
		const char *text;
		bool gzip;
	} rows[] = {
		{ NULL, false },
		{ "", false },
		{ "gzip", true },
		{ "GZIP", true },
		{ "br , gzip", true },
		{ "br;q=1.0,gzip;q=0.001", true },
		{ "gzip;q=0", false },
		{ "gzip; q=0.000", false },
		{ "*", true },
		{ "*;q=0", false },
		{ "*, gzip;q=0", false },
		{ "gzipped", false },
		{ "x-gzip", false },
		{ "identity", false },
		{ ",,,", false },
		{ "gzip;level=0", true },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (webui_takes_gzip(rows[i].text) != rows[i].gzip)
			fail_msg("%s", rows[i].text ? rows[i].text : "none");
}

/* Built with WEBUI=0: it says so, wherever one looks for the page. */
static void without_the_page(void **unused)
{
	static const char *const paths[] = { "/", "/ui/style.css" };
	const char *index = files[2].name;
	struct request r;

	(void)unused;
	files[2].name = "other.html";
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		ask(&r, paths[i], "gzip", NULL);
		assert_int_equal(r.reply.status, 404);
		assert_non_null(strstr(buf_cstr(&r.reply.body), "\"no_admin_page\""));
		request_fini(&r);
	}
	files[2].name = index;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compressed_for_who_takes_it),
		cmocka_unit_test(kept_as_long_as_is_right),
		cmocka_unit_test(unchanged_is_not_sent_again),
		cmocka_unit_test(nothing_but_its_own),
		cmocka_unit_test(what_is_not_there),
		cmocka_unit_test(accept_encoding),
		cmocka_unit_test(without_the_page),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
