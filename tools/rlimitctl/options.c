// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "rlimitctl.h"
#include "text.h"

/* getopt_long() tells long options from letters by what they stand for. */
#define LONG_BASE	(UCHAR_MAX + 1)

struct getopt_tables {
	struct option long_options[NR_OPTIONS + 1];
	char letters[2 * NR_OPTIONS + 3];
	const struct option_spec *by_letter[UCHAR_MAX + 1];
	const struct option_spec *by_id[NR_OPTIONS];
	size_t nr_long, nr_letters;
};

static void add_option(struct getopt_tables *t, const struct option_spec *spec)
{
	t->long_options[t->nr_long++] = (struct option){
		.name = spec->name,
		.has_arg = spec->arg ? required_argument : no_argument,
		.val = LONG_BASE + (int)spec->id,
	};
	t->by_id[spec->id] = spec;
	if (!spec->letter)
		return;
	t->by_letter[(unsigned char)spec->letter] = spec;
	t->letters[t->nr_letters++] = spec->letter;
	if (spec->arg)
		t->letters[t->nr_letters++] = ':';
}

static void fill_tables(struct getopt_tables *t, const struct command *command)
{
	const struct option_spec *spec;

	*t = (struct getopt_tables){
		/* Hand over arguments in their order; print nothing. */
		.letters = { '-', ':' },
		.nr_letters = 2,
	};
	for (spec = command->options; spec && spec->name; spec++)
		add_option(t, spec);
	add_option(t, &help_option);
}

static int bad_option(const struct command *command,
		      const struct getopt_tables *t, const char *word)
{
	struct nearest nearest;
	size_t i;

	if (optopt >= LONG_BASE)
		return usage("\"%s\": the option --%s takes no value", word,
			     t->by_id[optopt - LONG_BASE]->name);
	if (optopt)
		return usage(
			"unknown option \"-%c\" of %s: see `rlimitctl help %s`",
			optopt, command->name, command->name);
	nearest = nearest_to(word + strspn(word, "-"));
	for (i = 0; i < t->nr_long; i++)
		nearest_offer(&nearest, t->long_options[i].name);
	if (nearest.found)
		return usage(
			"unknown option \"%s\" of %s: did you mean \"--%s\"?",
			word, command->name, nearest.found);
	return usage("unknown option \"%s\" of %s: see `rlimitctl help %s`",
		     word, command->name, command->name);
}

static int missing_value(const struct getopt_tables *t, const char *word)
{
	const struct option_spec *spec =
		optopt >= LONG_BASE ? t->by_id[optopt - LONG_BASE] :
				      t->by_letter[(unsigned char)optopt];

	return usage("\"%s\" needs a value: --%s %s", word, spec->name,
		     spec->arg);
}

/* Are all words from here on another program's? */
static bool tail_begins(const struct invocation *inv)
{
	return inv->command->before_tail &&
	       inv->argc == inv->command->before_tail;
}

static int scan(const struct getopt_tables *t, int argc, char **argv,
		struct invocation *inv)
{
	const struct option_spec *spec;
	int c;

	optind = 0;	/* GNU: start over, with new tables */
	opterr = 0;
	while ((c = getopt_long(argc, argv, t->letters, t->long_options,
				NULL)) != -1) {
		if (c == '?')
			return bad_option(inv->command, t, argv[optind - 1]);
		if (c == ':')
			return missing_value(t, argv[optind - 1]);
		if (c == 1) {
			if (tail_begins(inv)) {
				optind--;
				break;
			}
			inv->argv[inv->argc++] = optarg;
			continue;
		}
		spec = c >= LONG_BASE ? t->by_id[c - LONG_BASE] :
					t->by_letter[c];
		inv->option[spec->id] = spec->arg ? optarg : "";
		inv->given[inv->nr_given++] = (struct given_option){
			spec->id, inv->option[spec->id]
		};
	}
	while (optind < argc)
		inv->argv[inv->argc++] = argv[optind++];
	return 0;
}

static int check_count(const struct invocation *inv)
{
	const struct command *command = inv->command;

	if (inv->option[OPT_HELP])
		return 0;
	if (inv->argc < command->min)
		return usage("%s needs %s: rlimitctl %s %s", command->name,
			     inv->argc ? "more arguments" : "an argument",
			     command->name, command->args);
	if (command->max >= 0 && inv->argc > command->max)
		return usage("\"%s\" is one argument too many: rlimitctl %s%s%s",
			     inv->argv[command->max], command->name,
			     *command->args ? " " : "", command->args);
	return 0;
}

int parse_options(const struct command *command, int argc, char **argv,
		  struct invocation *ret)
{
	struct invocation inv = { .command = command };
	struct getopt_tables tables;
	int status;

	inv.argv = calloc((size_t)argc + 1,
			  sizeof(*inv.argv) + sizeof(*inv.given));
	if (!inv.argv)
		return out_of_memory();
	inv.given = (struct given_option *)(inv.argv + argc + 1);
	fill_tables(&tables, command);
	status = scan(&tables, argc, argv, &inv);
	if (!status)
		status = check_count(&inv);
	if (status)
		free(inv.argv);
	else
		*ret = inv;
	return status;
}

int number_option(const struct invocation *inv, enum option_id id, uint64_t min,
		  uint64_t max, uint64_t *ret)
{
	const char *text = inv->option[id];
	const struct option_spec *spec = inv->command->options;
	int64_t number;

	if (!text)
		return 0;
	while (spec->id != id)
		spec++;
	if (rescore_parse_amount(text, RESCORE_COUNT, &number))
		return fail("--%s %s: %s", spec->name, text,
			    rescore_strerror());
	if (number < (int64_t)min || (uint64_t)number > max)
		return fail("--%s \"%s\" is out of range: %llu to %llu",
			    spec->name, text, (unsigned long long)min,
			    (unsigned long long)max);
	*ret = (uint64_t)number;
	return 0;
}
