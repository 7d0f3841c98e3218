/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The function finds the command among the words before the cursor and offers, in this order: what
 * may follow a flag, commands, verbs, options, names of variables. All words come from our tables,
 * which hold nothing that a shell would take for more than text.
 */
#include "shared/cli/completion.h"

#include <string.h>

/* Both programs' flags before the command (shared/monitor/launch.c). */
#define FLAGS                                                                                      \
	"-n --net -c --config -D --no-detach -d --debug -k --kill -o --option --logfile "          \
	"--pidfile --help --version"

static const char head[] =
	"	local cur=${COMP_WORDS[COMP_CWORD]} cmd= verb= verbs= words= prev= skip= i w\n"
	"	for ((i = 1; i < COMP_CWORD; i++)); do\n"
	"		w=${COMP_WORDS[i]}\n"
	"		prev=$w\n"
	"		if [ -n \"$skip\" ]; then skip=; continue; fi\n"
	"		case $w in\n"
	"		-n|-c|-o|--pidfile) [ -n \"$cmd\" ] || skip=1 ;;\n"
	"		-*) ;;\n"
	"		*) if [ -z \"$cmd\" ]; then cmd=$w; elif [ -z \"$verb\" ]; then verb=$w; "
	"fi ;;\n"
	"		esac\n"
	"	done\n";

static const char nets[] =
	"	if [ -z \"$cmd\" ] && [ \"$prev\" = -n ]; then\n"
	"		words=$(ls \"${BRANCHLINE_ETC:-/etc/branchline}\" 2>/dev/null)\n";

static const char tail[] = "	COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n";

/* The row at a place of the two tables, or NULL behind the last. */
static const struct command *row(const struct command_set *set, const struct command *more,
				 size_t i)
{
	if (i < set->n)
		return &set->commands[i];
	for (i -= set->n; more && more->group; more++)
		if (i-- == 0)
			return more;
	return NULL;
}

/* Is it the first row with this group? */
static bool is_first(const struct command_set *set, const struct command *more, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(row(set, more, k)->group, row(set, more, i)->group) == 0)
			return false;
	return true;
}

static void print_groups(const struct command_set *set, const struct command *more, FILE *out)
{
	const struct command *c;

	fprintf(out, "	elif [ -z \"$cmd\" ]; then\n		words='" FLAGS);
	for (size_t i = 0; (c = row(set, more, i)) != NULL; i++)
		if (is_first(set, more, i))
			fprintf(out, " %s", c->group);
	fputs("'\n", out);
}

/* "case $cmd": the verbs of the groups that have any. */
static void print_verbs(const struct command_set *set, const struct command *more, FILE *out)
{
	const struct command *c, *other;

	fputs("	case $cmd in\n", out);
	for (size_t i = 0; (c = row(set, more, i)) != NULL; i++) {
		if (!c->verb || !is_first(set, more, i))
			continue;
		fprintf(out, "	%s) verbs='", c->group);
		for (size_t k = i; (other = row(set, more, k)) != NULL; k++)
			if (strcmp(other->group, c->group) == 0 && other->verb)
				fprintf(out, "%s%s", k == i ? "" : " ", other->verb);
		fputs("' ;;\n", out);
	}
	fputs("	esac\n", out);
}

static void print_option_names(const struct args_option *o, FILE *out)
{
	for (; o && o->name; o++)
		fprintf(out, " %s", o->name);
}

/* Those that take a variable as their first word. */
static bool wants_variable(const struct command *c) { return strstr(c->words, "VARIABLE") != NULL; }

static void print_words(const struct command_set *set, const struct command *more, FILE *out)
{
	const struct command *c;

	fputs("		case \"$cmd${verbs:+ $verb}\" in\n", out);
	for (size_t i = 0; (c = row(set, more, i)) != NULL; i++) {
		fprintf(out, "		'%s%s%s') words='", c->group, c->verb ? " " : "",
			c->verb ? c->verb : "");
		print_option_names(c->options, out);
		if (c->run)
			print_option_names(set->common, out);
		fputc('\'', out);
		if (wants_variable(c))
			fputs("; [ -n \"$verb\" ] || words=\"$words $vars\"", out);
		fputs(" ;;\n", out);
	}
	fputs("		esac\n", out);
}

enum err completion_print(const struct command_set *set, const struct command *more,
			  enum conf_program kind, const char *shell, FILE *out)
{
	const bool zsh = strcmp(shell, "zsh") == 0;
	const char *name = kind == CONF_HUB ? "_branchline_hub" : "_branchline_spoke";
	size_t n;
	const struct config_var *vars = conf_vars(kind, &n);

	if (!zsh && strcmp(shell, "bash") != 0)
		return ERR_INVALID;
	if (zsh)
		fprintf(out, "#compdef %s\nautoload -U +X bashcompinit && bashcompinit\n",
			set->program);
	fprintf(out, "%s() {\n	local vars='", name);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%s", i ? " " : "", vars[i].name);
	fprintf(out, "'\n%s", head);
	print_verbs(set, more, out);
	fputs(nets, out);
	print_groups(set, more, out);
	fputs("	elif [ -n \"$verbs\" ] && [ -z \"$verb\" ]; then\n		words=$verbs\n	"
	      "else\n",
	      out);
	print_words(set, more, out);
	fprintf(out, "	fi\n%scomplete -o default -F %s %s\n", tail, name, set->program);
	return ferror(out) ? ERR_IO : ERR_OK;
}
