// SPDX-License-Identifier: GPL-2.0
/* Help and word lists, all made from the command table. */
#include <string.h>

#include "rlimitctl.h"

static void print_overview(void)
{
	const struct command *c;

	puts("usage: rlimitctl [VERB] [ARGUMENT | OPTION]...\n\n"
	     "Limits for containers, counted and kept by the kernel.\n");
	for (c = commands; c->name; c++)
		printf("  %-10s  %s\n", c->name, c->help);
	puts("\nWithout a verb: show. `rlimitctl help VERB` lists a verb's options;\n"
	     "rlimitctl(8) has the whole story.");
}

static void print_option(const struct option_spec *spec)
{
	char words[40];

	snprintf(words, sizeof(words), "--%s%s%s", spec->name,
		 spec->arg ? " " : "", spec->arg ? spec->arg : "");
	if (spec->letter)
		printf("  -%c, %-16s  %s\n", spec->letter, words, spec->help);
	else
		printf("      %-16s  %s\n", words, spec->help);
}

static void print_command(const struct command *command)
{
	const struct option_spec *spec;

	printf("usage: rlimitctl %s%s%s%s\n\n%s.\n\n", command->name,
	       command->options ? " [OPTION]..." : "",
	       *command->args ? " " : "", command->args, command->help);
	for (spec = command->options; spec && spec->name; spec++)
		print_option(spec);
	print_option(&help_option);
}

int cmd_help(const struct invocation *inv)
{
	const struct command *command;

	/* `VERB --help` comes here, too. */
	if (inv->option[OPT_HELP]) {
		print_command(inv->command);
		return STATUS_OK;
	}
	if (!inv->argc) {
		print_overview();
		return STATUS_OK;
	}
	command = find_command(inv->argv[0]);
	if (!command)
		return unknown_command(inv->argv[0]);
	print_command(command);
	return STATUS_OK;
}

int cmd_version(const struct invocation *inv)
{
	(void)inv;
	printf("rlimitctl %s (ABI %d)\n", rescore_version(), RESCORE_ABI);
	return STATUS_OK;
}

static int list_verbs(void)
{
	const struct command *c;

	for (c = commands; c->name; c++)
		puts(c->name);
	return STATUS_OK;
}

static int list_options(const char *verb)
{
	const struct command *command = find_command(verb);
	const struct option_spec *spec;

	if (!command)
		return STATUS_FAILURE;
	for (spec = command->options; spec && spec->name; spec++)
		printf("--%s\n", spec->name);
	printf("--%s\n", help_option.name);
	return STATUS_OK;
}

/* Silent when there is nothing to list: a prompt is no place for messages. */
static int print_name(struct rescore *rs, const char *name, void *arg)
{
	(void)rs;
	(void)arg;
	puts(name);
	return 0;
}

static int list_containers(void)
{
	struct rescore *rs;
	unsigned int slot = 0;

	if (rescore_open(&rs, true))
		return STATUS_FAILURE;
	while ((slot = rescore_next(rs, slot)))
		puts(rescore_container(rs, slot)->name);
	each_stored(rs, print_name, NULL);
	rescore_close(rs);
	return STATUS_OK;
}

static int list_resources(void)
{
	struct rescore *rs;
	unsigned int i;

	if (rescore_open(&rs, true))
		return STATUS_FAILURE;
	for (i = 0; i < rescore_nr_resources(rs); i++)
		puts(rescore_resource(rs, i)->name);
	rescore_close(rs);
	return STATUS_OK;
}

int list_words(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list-verbs"))
		return list_verbs();
	if (argc == 3 && !strcmp(argv[1], "--list-options"))
		return list_options(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "--list-containers"))
		return list_containers();
	if (argc == 2 && !strcmp(argv[1], "--list-resources"))
		return list_resources();
	return -1;
}
