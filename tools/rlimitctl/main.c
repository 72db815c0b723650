// SPDX-License-Identifier: GPL-2.0
/* rlimitctl: set, see and audit the limits of containers. */
#include <stdlib.h>
#include <string.h>

#include "rlimitctl.h"

/* Options that stand for a verb, as people try them first. */
static const char *verb_of_option(const char *word)
{
	if (!strcmp(word, "--help") || !strcmp(word, "-h"))
		return "help";
	if (!strcmp(word, "--version") || !strcmp(word, "-V"))
		return "version";
	return NULL;
}

static int run(int argc, char **argv)
{
	const struct command *command;
	const char *verb = "show";
	struct invocation inv;
	int status;

	status = list_words(argc, argv);
	if (status >= 0)
		return status;
	if (argc > 1 && (argv[1][0] != '-' || verb_of_option(argv[1]))) {
		argc--;
		argv++;
		verb = argv[0];
		if (verb_of_option(verb))
			verb = verb_of_option(verb);
	}
	command = find_command(verb);
	if (!command)
		return unknown_command(verb);
	status = parse_options(command, argc, argv, &inv);
	if (status)
		return status;
	status = inv.option[OPT_HELP] ? cmd_help(&inv) : command->run(&inv);
	free(inv.argv);
	return status;
}

int main(int argc, char **argv)
{
	return finish_output(run(argc, argv));
}
