// SPDX-License-Identifier: GPL-2.0
/* rlimitctl: set, see and audit the limits of containers. */
#include <stdlib.h>
#include <string.h>

#include "rescore_ct.h"
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

/* Who enters a container with namespaces may be attacked from in there. */
static bool goes_inside(int argc, char **argv)
{
	int i;

	if (argc < 3 || (strcmp(argv[1], "exec") && strcmp(argv[1], "enter")))
		return false;
	for (i = 2; i < argc; i++)
		if (!rescore_check_name(argv[i]) && rescore_ct_stored(argv[i]))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	if (goes_inside(argc, argv) && rescore_ct_protect(argv))
		return fail("%s", rescore_strerror());
	return finish_output(run(argc, argv));
}
