// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "verb.h"

#define OPTIONS_MAX	16
#define LONG_ONLY	256	/* getopt values above every letter */

static void *member(struct args *args, const struct option_desc *option)
{
	return (char *)args + option->offset;
}

static int set_number(const struct verb *verb, const struct option_desc *option,
		      const char *text, struct args *args)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < option->min ||
	    value > option->max) {
		say("%s: --%s '%s': give a whole number from %ld to %ld",
		    verb->name, option->name, text, option->min, option->max);
		return -EINVAL;
	}
	*(long *)member(args, option) = value;

	return 0;
}

static int set_option(const struct verb *verb, const struct option_desc *option,
		      const char *text, struct args *args)
{
	switch (option->type) {
	case OPTION_FLAG:
		*(bool *)member(args, option) = true;
		return 0;
	case OPTION_TEXT:
		if (!*text) {
			say("%s: --%s '': give a %s", verb->name, option->name,
			    option->value);
			return -EINVAL;
		}
		*(const char **)member(args, option) = text;
		return 0;
	case OPTION_NUMBER:
		return set_number(verb, option, text, args);
	}

	return -EINVAL;
}

/* Translate our table for getopt_long(). */
static void make_getopt(const struct verb *verb, char *letters,
			struct option *longs)
{
	int n = 0;

	*letters++ = ':';	/* tell a missing value from an unknown option */
	for (; n < OPTIONS_MAX && verb->options[n].name; n++) {
		const struct option_desc *option = &verb->options[n];
		bool flag = option->type == OPTION_FLAG;

		longs[n].name = option->name;
		longs[n].has_arg = flag ? no_argument : required_argument;
		longs[n].flag = NULL;
		longs[n].val = LONG_ONLY + n;
		if (!option->letter)
			continue;
		*letters++ = option->letter;
		if (!flag)
			*letters++ = ':';
	}
	*letters = '\0';
}

static const struct option_desc *find_option(const struct verb *verb, int c)
{
	if (c >= LONG_ONLY)
		return &verb->options[c - LONG_ONLY];
	for (const struct option_desc *o = verb->options; o->name; o++)
		if (o->letter == c)
			return o;
	return NULL;
}

static void bad_option(const struct verb *verb, bool no_value, const char *word)
{
	char letter[3] = { '-', (char)optopt, '\0' };
	const char *why = "no such option";

	if (no_value)
		why = "a value must follow";
	else if (optopt >= LONG_ONLY)
		why = "takes no value";
	/* In "-qx" the word is known only when its last letter was read. */
	say("%s: '%s': %s; try 'rstat help %s'", verb->name,
	    optopt && optopt < LONG_ONLY ? letter : word, why, verb->name);
}

static int parse_options(const struct verb *verb, int argc, char **argv,
			 struct args *args)
{
	struct option longs[OPTIONS_MAX + 1] = {};
	char letters[2 * OPTIONS_MAX + 2];
	int c;

	make_getopt(verb, letters, longs);
	optind = 0;	/* glibc: start over */
	opterr = 0;
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (c == '?' || c == ':') {
			bad_option(verb, c == ':', argv[optind - 1]);
			return -EINVAL;
		}
		if (set_option(verb, find_option(verb, c), optarg, args))
			return -EINVAL;
	}

	return 0;
}

static int parse_operands(const struct verb *verb, int argc, char **argv,
			  struct args *args)
{
	int n = argc - optind;

	if (n > verb->nr_operands) {
		say("%s: '%s' is one argument too many; try 'rstat help %s'",
		    verb->name, argv[optind + verb->nr_operands], verb->name);
		return -EINVAL;
	}
	if (n < verb->nr_operands - verb->nr_optional) {
		say("%s: give %s; try 'rstat help %s'", verb->name,
		    verb->operands, verb->name);
		return -EINVAL;
	}
	if (n > 0)
		args->container = argv[optind];
	if (n > 1)
		args->resource = argv[optind + 1];

	return 0;
}

static void print_verb(const struct verb *verb)
{
	printf("usage: rstat %s%s%s [options]\n\n%s\n", verb->name,
	       *verb->operands ? " " : "", verb->operands, verb->help);
	if (verb->more)
		printf("\n%s\n", verb->more);
	if (verb->options->name)
		printf("\n");
	for (const struct option_desc *o = verb->options; o->name; o++) {
		char left[40];

		snprintf(left, sizeof(left), "%c%c%s--%s%s%s",
			 o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
			 o->letter ? ", " : "  ", o->name, o->value ? " " : "",
			 o->value ? o->value : "");
		printf("  %-22s %s\n", left, o->help);
	}
}

static void print_help(const struct verb *verbs)
{
	printf("usage: rstat VERB [operands] [options]\n\n"
	       "Record, list and draw what containers use of their limits.\n\n");
	for (const struct verb *v = verbs; v->name; v++)
		printf("  %-8s %-14s %s\n", v->name, v->operands, v->help);
	printf("  %-8s %-14s %s\n\n", "help", "[VERB]",
	       "this text, or all about one verb");
	printf("The samples are in %s unless --dir says otherwise.\n",
	       RSTAT_DIR);
}

static const struct verb *find_verb(const struct verb *verbs, const char *name)
{
	for (const struct verb *v = verbs; v->name; v++)
		if (!strcmp(v->name, name))
			return v;
	say("'%s' is no verb of rstat; try 'rstat help'", name);
	return NULL;
}

static int help(const struct verb *verbs, const char *name)
{
	const struct verb *verb;

	if (!name) {
		print_help(verbs);
		return RSTAT_OK;
	}
	verb = find_verb(verbs, name);
	if (!verb)
		return RSTAT_USAGE;
	print_verb(verb);

	return RSTAT_OK;
}

int verb_dispatch(const struct verb *verbs, const char *version, int argc,
		  char **argv)
{
	struct args args = { .dir = RSTAT_DIR };
	const struct verb *verb;

	if (argc < 2) {
		say("give a verb; try 'rstat help'");
		return RSTAT_USAGE;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") ||
	    !strcmp(argv[1], "-h"))
		return help(verbs, argv[2]);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("rstat %s\n", version);
		return RSTAT_OK;
	}

	verb = find_verb(verbs, argv[1]);
	if (!verb)
		return RSTAT_USAGE;
	for (int i = 2; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return help(verbs, verb->name);
	}
	if (parse_options(verb, argc - 1, argv + 1, &args) ||
	    parse_operands(verb, argc - 1, argv + 1, &args))
		return RSTAT_USAGE;

	return verb->run(&args);
}
