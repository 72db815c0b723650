// SPDX-License-Identifier: GPL-2.0
/* The command table, the parser that reads it, and what it says of errors. */
#include "capture.h"
#include "rlimitctl.h"
#include "tap.h"

#define WORDS_MAX 8

struct parsed {
	int status;
	struct invocation inv;
	struct capture err;	/* what was said */
	char *words[WORDS_MAX + 1];
};

/* Parse @line, split at its spaces. free() the result's inv.argv. */
static void parse(struct parsed *p, const char *line)
{
	static char copy[256];
	int argc = 0;
	char *word;

	*p = (struct parsed){ 0 };
	snprintf(copy, sizeof(copy), "%s", line);
	for (word = strtok(copy, " "); word && argc < WORDS_MAX;
	     word = strtok(NULL, " "))
		p->words[argc++] = word;
	capture_begin(&p->err, stderr);
	p->status = parse_options(find_command(p->words[0]), argc, p->words,
				  &p->inv);
	capture_end(&p->err);
}

static const struct {
	const char *line;
	const char *want;	/* arguments, each with a space behind it */
	enum option_id option;
	const char *value;	/* NULL: not given */
} good[] = {
	{ "show", "", OPT_JSON, NULL },
	{ "show --json", "", OPT_JSON, "" },
	{ "show a b --json", "a b ", OPT_JSON, "" },
	{ "show --json a b", "a b ", OPT_JSON, "" },
	{ "show a --json b", "a b ", OPT_JSON, "" },
	{ "show a -qr b", "a b ", OPT_RAW, "" },
	{ "show -- --json", "--json ", OPT_JSON, NULL },
	{ "show a -- -q", "a -q ", OPT_QUIET, NULL },
	{ "show -", "- ", OPT_QUIET, NULL },
	{ "create a --cgroup x", "a ", OPT_CGROUP, "x" },
	{ "create a --cgroup=x", "a ", OPT_CGROUP, "x" },
	{ "create a --cgroup=", "a ", OPT_CGROUP, "" },
	{ "create --cgroup x a r=5", "a r=5 ", OPT_CGROUP, "x" },
	{ "kill -s TERM a", "a ", OPT_SIGNAL, "TERM" },
	{ "kill -sTERM a", "a ", OPT_SIGNAL, "TERM" },
	{ "kill a --signal=9", "a ", OPT_SIGNAL, "9" },
	{ "kill -s 1 -s 2 a", "a ", OPT_SIGNAL, "2" },
	{ "events -fn 5", "", OPT_COUNT, "5" },
	{ "events --foll", "", OPT_FOLLOW, "" },
	{ "exec a ls", "a ls ", OPT_ADMIN, NULL },
	{ "exec a -- ls", "a ls ", OPT_ADMIN, NULL },
	{ "exec --admin a -- ls -l", "a ls -l ", OPT_ADMIN, "" },
	{ "exec a --admin -- ls -l", "a ls -l ", OPT_ADMIN, "" },
	{ "exec a ls -l --admin", "a ls -l --admin ", OPT_ADMIN, NULL },
	{ "exec a -- ls -- --admin", "a ls -- --admin ", OPT_ADMIN, NULL },
	{ "exec -- a ls --admin", "a ls --admin ", OPT_ADMIN, NULL },
	{ "exec a -- --admin", "a --admin ", OPT_ADMIN, NULL },
	{ "set --help", "", OPT_HELP, "" },
	{ "set -h", "", OPT_HELP, "" },
};

static const struct {
	const char *line;
	const char *said;
} bad[] = {
	{ "show --jsn",
	  "unknown option \"--jsn\" of show: did you mean \"--json\"?" },
	{ "show -json",
	  "unknown option \"-j\" of show: see `rlimitctl help show`" },
	{ "show --frobnicate",
	  "unknown option \"--frobnicate\" of show: see `rlimitctl help show`" },
	{ "show -x", "unknown option \"-x\" of show: see" },
	{ "show -qx", "unknown option \"-x\" of show" },
	{ "show --json=5", "\"--json=5\": the option --json takes no value" },
	{ "list --force", "unknown option \"--force\" of list" },
	{ "kill a -s", "\"-s\" needs a value: --signal SIGNAL" },
	{ "kill a --signal", "\"--signal\" needs a value: --signal SIGNAL" },
	{ "create", "create needs an argument: rlimitctl create NAME" },
	{ "set a", "set needs more arguments: rlimitctl set NAME RES" },
	{ "exec a --", "exec needs more arguments" },
	{ "exec a", "exec needs more arguments" },
	{ "list a", "\"a\" is one argument too many: rlimitctl list\n" },
	{ "kill a b", "\"b\" is one argument too many: rlimitctl kill NAME" },
	{ "load \x1b[31m", "\"\\x1b[31m\" is one argument too many" },
};

static void test_good(void)
{
	struct parsed p;
	char words[256];
	size_t i;
	int j;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		const char *value;
		bool same;

		parse(&p, good[i].line);
		words[0] = '\0';
		for (j = 0; j < p.inv.argc; j++) {
			strcat(words, p.inv.argv[j]);
			strcat(words, " ");
		}
		value = p.inv.option[good[i].option];
		same = value ? good[i].value && !strcmp(value, good[i].value) :
			       !good[i].value;
		if (!tap_ok(!p.status && same && !strcmp(words, good[i].want),
			    "%s", good[i].line))
			printf("# %d, %s, \"%s\"\n", p.status, words,
			       value ? value : "(null)");
		free(p.inv.argv);
	}
}

static void test_bad(void)
{
	struct parsed p;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		parse(&p, bad[i].line);
		if (!tap_ok(p.status == STATUS_USAGE &&
				    !strncmp(p.err.text, "rlimitctl: ", 11) &&
				    !strncmp(p.err.text + 11, bad[i].said,
					     strlen(bad[i].said)) &&
				    strchr(p.err.text, '\n')[1] == '\0',
			    "bad command line %zu", i))
			printf("# %s: %d, %s", bad[i].line, p.status,
			       p.err.text);
	}
}

static void test_numbers(void)
{
	static const struct {
		const char *line;
		int status;
		uint64_t number;
	} cases[] = {
		{ "load", 0, 7 },
		{ "load --containers 1", 0, 1 },
		{ "load --containers 65535", 0, 65535 },
		{ "load --containers 65536", STATUS_FAILURE, 7 },
		{ "load --containers 0", STATUS_FAILURE, 7 },
		{ "load --containers -1", STATUS_FAILURE, 7 },
		{ "load --containers 1K", STATUS_FAILURE, 7 },
		{ "load --containers unlimited", STATUS_FAILURE, 7 },
		{ "load --containers=", STATUS_FAILURE, 7 },
		{ "load --containers 4294967297", STATUS_FAILURE, 7 },
	};
	struct parsed p;
	struct capture err;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t number = 7;
		int status;

		parse(&p, cases[i].line);
		capture_begin(&err, stderr);
		status = number_option(&p.inv, OPT_CONTAINERS, 1, 65535,
				       &number);
		capture_end(&err);
		if (!tap_ok(status == cases[i].status &&
				    number == cases[i].number &&
				    !status == !*err.text,
			    "%s", cases[i].line))
			printf("# %d, %" PRIu64 " %s", status, number,
			       err.text);
		free(p.inv.argv);
	}
}

static bool option_list_is_sound(const struct command *c)
{
	const struct option_spec *a, *b;

	for (a = c->options; a && a->name; a++) {
		if (a->letter == help_option.letter ||
		    !strcmp(a->name, help_option.name))
			return false;
		for (b = c->options; b != a; b++)
			if (a->id == b->id || !strcmp(a->name, b->name) ||
			    (a->letter && a->letter == b->letter))
				return false;
	}
	return true;
}

/* What a reader of the table would take for granted. */
static void test_table(void)
{
	const struct command *c, *d;

	for (c = commands; c->name; c++) {
		bool unique = true;

		for (d = commands; d != c; d++)
			unique = unique && strcmp(c->name, d->name) != 0;
		tap_ok(unique && c->run && option_list_is_sound(c) &&
			       (c->max < 0 || c->max >= c->min),
		       "%s: one name, one meaning", c->name);
	}
	tap_ok(!find_command("frobnicate"), "no such verb");
}

static size_t widest(const char *text)
{
	size_t len, most = 0;

	for (; *text; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		if (len > most)
			most = len;
	}
	return most;
}

static void test_help(void)
{
	struct invocation inv = { .command = find_command("help") };
	const struct command *c;
	struct capture out;

	capture_begin(&out, stdout);
	cmd_help(&inv);
	capture_end(&out);
	tap_ok(widest(out.text) <= 80, "help fits 80 columns");
	for (c = commands; c->name; c++)
		tap_ok(strstr(out.text, c->name), "help lists %s", c->name);
	inv.option[OPT_HELP] = "";
	for (c = commands; c->name; c++) {
		const struct option_spec *o;
		bool complete = true;

		inv.command = c;
		capture_begin(&out, stdout);
		cmd_help(&inv);
		capture_end(&out);
		for (o = inv.command->options; o && o->name; o++)
			complete = complete && strstr(out.text, o->name) &&
				   strstr(out.text, o->help);
		tap_ok(complete && widest(out.text) <= 80,
		       "help of %s is complete and fits 80 columns: %zu",
		       inv.command->name, widest(out.text));
	}
}

static void test_unknown_verb(void)
{
	struct capture err;
	int status;

	capture_begin(&err, stderr);
	status = unknown_command("craete");
	tap_is_text(
		capture_end(&err),
		"rlimitctl: unknown verb \"craete\": did you mean \"create\"?\n",
		"a near verb is suggested");
	tap_is_int(status, STATUS_USAGE, "an unknown verb is wrong usage");
	capture_begin(&err, stderr);
	unknown_command("a\nb");
	tap_is_text(capture_end(&err),
		    "rlimitctl: unknown verb \"a\\nb\": see `rlimitctl help`\n",
		    "one line, whatever was typed");
}

int main(void)
{
	test_good();
	test_bad();
	test_numbers();
	test_table();
	test_help();
	test_unknown_verb();
	return tap_done();
}
