/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file is taken as a whole or not at all: entries are appended while it is read, and cut off
 * again when a line is refused. Entries of the command line (line 0) stand before all others and
 * win over files, in whichever order the two come.
 */
#include "shared/base/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/base/config_value.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/base/secret.h"

#define CONFIG_FILE_MAX_BYTES (16u << 20)
#define QUOTED_MAX_BYTES      64u /* of a key or value in an error message */

/* One line being worked on. `key` and `value` point into `text`. */
struct line {
	const char *label; /* file name, or "-o" */
	unsigned number;   /* from 1; 0 on the command line */
	char text[CONFIG_LINE_MAX_BYTES + 1];
	char *key;
	char *value;
};

void config_init(struct config *c, const struct config_var *vars, size_t n_vars)
{
	*c = (struct config){ .vars = vars, .n_vars = n_vars };
}

void config_tolerate(struct config *c, config_unknown_cb cb, void *arg)
{
	c->unknown = cb;
	c->unknown_arg = arg;
}

static void free_entry(struct config_entry *e)
{
	/* A value may be a secret (a proxy's password). */
	if (e->value)
		secret_zero(e->value, strlen(e->value));
	free(e->value);
	free(e->file);
	*e = (struct config_entry){ 0 };
}

static void cut_entries(struct config *c, size_t count)
{
	while (c->count > count)
		free_entry(&c->entries[--c->count]);
}

void config_fini(struct config *c)
{
	cut_entries(c, 0);
	free(c->entries);
	config_init(c, c->vars, c->n_vars);
}

static enum err complain(struct config *c, const char *label, unsigned number, const char *fmt,
			 va_list ap) __attribute__((format(printf, 4, 0)));
/* Puts "LABEL:NUMBER: message" into c->error, fit for a terminal: what it quotes may hold anything.
 */
static enum err complain(struct config *c, const char *label, unsigned number, const char *fmt,
			 va_list ap)
{
	size_t size = sizeof(c->error);
	int n;

	if (number)
		n = snprintf(c->error, size, "%s:%u: ", label, number);
	else
		n = snprintf(c->error, size, "%s: ", label);
	if (n > 0 && (size_t)n < size)
		vsnprintf(c->error + n, size - (size_t)n, fmt, ap);
	for (char *p = c->error; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return ERR_INVALID;
}

static enum err complain_line(struct config *c, const struct line *l, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static enum err complain_line(struct config *c, const struct line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(c, l->label, l->number, fmt, ap);
	va_end(ap);
	return ERR_INVALID;
}

enum err config_complain(struct config *c, const struct config_entry *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(c, e->file, e->line, fmt, ap);
	va_end(ap);
	return ERR_INVALID;
}

/* The row of the table, or NULL. */
static const struct config_var *find_var(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_vars; i++)
		if (!strcasecmp(c->vars[i].name, name))
			return &c->vars[i];
	return NULL;
}

static bool is_override(const struct config_entry *e) { return e->line == 0; }

static size_t count_overrides(const struct config *c)
{
	size_t n = 0;

	while (n < c->count && is_override(&c->entries[n]))
		n++;
	return n;
}

/* The first entry of `var` among those from place `from` to before `to`, or NULL. */
static const struct config_entry *find_entry(const struct config *c, size_t from, size_t to,
					     const struct config_var *var)
{
	for (size_t i = from; i < to; i++)
		if (c->entries[i].var == var)
			return &c->entries[i];
	return NULL;
}

static enum err reserve_entry(struct config *c)
{
	size_t cap = c->cap ? c->cap * 2 : 32;
	struct config_entry *entries;

	if (c->count < c->cap)
		return ERR_OK;
	if (c->count >= CONFIG_ENTRIES_MAX)
		return ERR_LIMIT;
	entries = realloc(c->entries, cap * sizeof(*entries));
	if (!entries)
		return ERR_NOMEM;
	c->entries = entries;
	c->cap = cap;
	return ERR_OK;
}

/* Puts an entry at place `at` and moves up what is there. */
static enum err insert_entry(struct config *c, size_t at, const struct config_var *var,
			     const struct line *l)
{
	struct config_entry new = { .var = var, .line = l->number };
	enum err e = reserve_entry(c);

	if (e) {
		complain_line(c, l, "%s", e == ERR_LIMIT ? "too many lines" : err_str(e));
		return e;
	}
	new.value = strdup(l->value);
	new.file = strdup(l->label);
	if (!new.value || !new.file) {
		free_entry(&new);
		complain_line(c, l, "%s", err_str(ERR_NOMEM));
		return ERR_NOMEM;
	}
	memmove(c->entries + at + 1, c->entries + at, (c->count - at) * sizeof(new));
	c->entries[at] = new;
	c->count++;
	return ERR_OK;
}

static bool is_space(char c) { return c == ' ' || c == '\t'; }

/* Splits "Key = Value", "Key=Value" or "Key Value" in place. */
static enum err split(struct config *c, struct line *l)
{
	char *p = l->text, *end = p + strlen(p);

	while (end > p && is_space(end[-1]))
		*--end = 0;
	while (is_space(*p))
		p++;
	l->key = p;
	p += strcspn(p, " \t=");
	end = p;
	while (is_space(*p))
		p++;
	if (*p == '=')
		p++;
	while (is_space(*p))
		p++;
	*end = 0;
	l->value = p;
	if (!l->key[0])
		return complain_line(c, l, "there is no key before the '='");
	return ERR_OK;
}

/* Finds the row for the line's key and checks the value. `where` 0 allows every place. */
static enum err check_line(struct config *c, const struct line *l, unsigned where,
			   const struct config_var **out)
{
	const struct config_var *var = find_var(c, l->key), *near;
	char why[192];

	if (!var) {
		near = config_value_nearest(c->vars, c->n_vars, l->key);
		return complain_line(c, l, "unknown key '%.*s'%s%s%s", (int)QUOTED_MAX_BYTES,
				     l->key, near ? ": did you mean '" : "", near ? near->name : "",
				     near ? "'?" : "");
	}
	if (where && !(var->flags & where))
		return complain_line(c, l, "'%s' does not belong here, but in %s", var->name,
				     where == CONFIG_HOST ? "the main configuration file"
							  : "a file in hosts/");
	if (!l->value[0])
		return complain_line(c, l, "'%s' has no value", var->name);
	if (config_value_check(var, l->value, why, sizeof(why)))
		return complain_line(c, l, "'%.*s' is no value for '%s': %s", (int)QUOTED_MAX_BYTES,
				     l->value, var->name, why);
	if (var->flags & CONFIG_OBSOLETE)
		log_warn("%s:%u: '%s' is obsolete: %s", l->label, l->number, var->name,
			 var->help ? var->help : "remove it");
	*out = var;
	return ERR_OK;
}

/* One line with an assignment, from a file. */
static enum err add_line(struct config *c, struct line *l, unsigned where)
{
	size_t overrides = count_overrides(c);
	const struct config_entry *before;
	const struct config_var *var;
	enum err e = split(c, l);

	if (!e && c->unknown && !find_var(c, l->key)) {
		c->unknown(c->unknown_arg, l->label, l->number, l->key);
		return ERR_OK;
	}
	if (!e)
		e = check_line(c, l, where, &var);
	if (e)
		return e;
	if (!(var->flags & CONFIG_MULTIPLE)) {
		before = find_entry(c, overrides, c->count, var);
		if (before)
			return complain_line(c, l,
					     "'%s' was set before, at %s:%u: remove one of the two",
					     var->name, before->file, before->line);
	}
	/*
	 * What the command line sets stands alone. The file's line is kept behind it where only the
	 * first counts, so that a second one in the file is still found.
	 */
	if ((var->flags & CONFIG_MULTIPLE) && find_entry(c, 0, overrides, var))
		return ERR_OK;
	return insert_entry(c, c->count, var, l);
}

/* Copies the next line of the text, without its end, and moves `*at` behind it. */
static enum err take_line(struct config *c, struct line *l, const char **at, const char *end)
{
	const char *newline = memchr(*at, '\n', (size_t)(end - *at));
	const char *stop = newline ? newline : end;
	size_t n = (size_t)(stop - *at);

	if (n > 0 && (*at)[n - 1] == '\r')
		n--;
	if (n > CONFIG_LINE_MAX_BYTES)
		return complain_line(c, l, "the line is longer than %u bytes",
				     CONFIG_LINE_MAX_BYTES);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)(*at)[i] < 0x20 && (*at)[i] != '\t')
			return complain_line(c, l, "the line holds a control character");
	memcpy(l->text, *at, n);
	l->text[n] = 0;
	*at = newline ? newline + 1 : end;
	return ERR_OK;
}

static bool starts_with(const char *s, const char *start)
{
	return !strncmp(s, start, strlen(start));
}

static enum err parse_lines(struct config *c, struct line *l, const char *at, const char *end,
			    unsigned where)
{
	unsigned block = 0; /* line on which a block began that is being passed over */
	enum err e = ERR_OK;

	while (!e && at < end) {
		const char *first;

		l->number++;
		e = take_line(c, l, &at, end);
		if (e)
			break;
		first = l->text + strspn(l->text, " \t");
		if (block)
			block = starts_with(first, "-----END ") ? 0 : block;
		else if (starts_with(first, "-----BEGIN "))
			block = l->number;
		else if (*first && *first != '#')
			e = add_line(c, l, where);
	}
	if (!e && block) {
		l->number = block;
		e = complain_line(c, l, "the block that begins here has no '-----END' line");
	}
	return e;
}

enum err config_parse(struct config *c, const char *label, const char *text, size_t len,
		      unsigned where)
{
	size_t before = c->count;
	struct line l = { .label = label };
	enum err e;

	BUG_ON(where != CONFIG_SERVER && where != CONFIG_HOST);
	c->error[0] = 0;
	e = parse_lines(c, &l, text, text + len, where);
	if (e)
		cut_entries(c, before);
	secret_zero(l.text, sizeof(l.text));
	return e;
}

enum err config_read(struct config *c, const char *path, unsigned where)
{
	struct line l = { .label = path };
	struct buf text;
	enum err e;

	buf_init(&text, CONFIG_FILE_MAX_BYTES);
	e = file_read(path, &text);
	if (e)
		complain_line(c, &l, "cannot read the file: %s", err_str(e));
	else
		e = config_parse(c, path, (const char *)buf_data(&text), buf_len(&text), where);
	buf_fini(&text);
	return e;
}

/* Takes out the entries of `var` among those from place `from` to before `to`. */
static void remove_entries(struct config *c, size_t from, size_t to, const struct config_var *var)
{
	size_t kept = from;

	for (size_t i = from; i < c->count; i++) {
		if (i < to && c->entries[i].var == var)
			free_entry(&c->entries[i]);
		else
			c->entries[kept++] = c->entries[i];
	}
	c->count = kept;
}

enum err config_override(struct config *c, const char *assignment)
{
	const char *at = assignment, *end = at + strlen(at);
	struct line l = { .label = "-o" };
	const struct config_var *var;
	size_t place = count_overrides(c);
	enum err e;

	c->error[0] = 0;
	e = take_line(c, &l, &at, end);
	if (!e && at != end)
		e = complain_line(c, &l, "the assignment holds a line break");
	if (!e)
		e = split(c, &l);
	if (!e)
		e = check_line(c, &l, 0, &var);
	if (!e)
		e = insert_entry(c, place, var, &l);
	if (e)
		goto out;
	/* Several -o of a repeatable key add up; of another the last one counts. What a file set
	 * goes. */
	remove_entries(c, place + 1, c->count, var);
	if (!(var->flags & CONFIG_MULTIPLE))
		remove_entries(c, 0, place, var);
out:
	secret_zero(l.text, sizeof(l.text));
	return e;
}

/* The row for a name of our own: that the table has it is our business. */
static const struct config_var *own_var(const struct config *c, const char *name)
{
	const struct config_var *var = find_var(c, name);

	BUG_ON(!var);
	return var;
}

const char *config_str(const struct config *c, const char *name)
{
	const struct config_var *var = own_var(c, name);
	const struct config_entry *e = find_entry(c, 0, c->count, var);

	return e ? e->value : var->def;
}

bool config_bool(const struct config *c, const char *name)
{
	const char *s = config_str(c, name);
	bool v = false;

	BUG_ON(s && config_value_bool(s, &v));
	return v;
}

int64_t config_int(const struct config *c, const char *name)
{
	const char *s = config_str(c, name);
	int64_t v = 0;

	BUG_ON(s && config_value_int(s, &v));
	return v;
}

const struct config_entry *config_nth(const struct config *c, const char *name, size_t i)
{
	const struct config_var *var = own_var(c, name);

	for (size_t at = 0; at < c->count; at++)
		if (c->entries[at].var == var && i-- == 0)
			return &c->entries[at];
	return NULL;
}
