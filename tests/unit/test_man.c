// SPDX-License-Identifier: GPL-2.0
/*
 * The man page and the command table say the same: every verb with its
 * arguments, and every option of it, in both directions. Run it where man/ is.
 */
#include <ctype.h>

#include "rlimitctl.h"
#include "tap.h"

#define PAGE "man/rlimitctl.8"

/* The part of the page that describes @verb: from its .It to the next verb's. */
static char *verb_text(const char *page, const char *verb)
{
	char head[64];
	const char *start, *end, *section;

	snprintf(head, sizeof(head), "\n.It Cm %s", verb);
	section = strstr(page, "\n.Sh VERBS\n");
	for (start = section; start; start++) {
		start = strstr(start, head);
		if (!start || strchr(" \n", start[strlen(head)]))
			break;
	}
	if (!start)
		return NULL;
	start++;
	section = strstr(start, "\n.Sh ");
	end = strstr(start, "\n.It Cm ");
	if (!end || (section && section < end))
		end = section;
	return end ? strndup(start, (size_t)(end - start)) : NULL;
}

/* Letters that matter, without macros: "NAMERESOURCE=BARRIER:LIMIT" */
static void squeeze(char *to, const char *from, bool macros)
{
	static const char *const names[] = { "It", "Cm", "Ar", "Op",
					     "Oo", "Oc", "Ns" };
	char word[64];
	size_t i;
	int n;

	for (; sscanf(from, " %63s%n", word, &n) == 1; from += n) {
		const char *c = word;

		if (macros && !strcmp(word, "Fl")) {
			*to++ = '-';
			continue;
		}
		for (i = 0; macros && i < sizeof(names) / sizeof(*names); i++)
			if (!strcmp(word + (*word == '.'), names[i]))
				c = "";
		for (; *c; c++)
			if (!strchr("[].", *c))
				*to++ = *c;
	}
	*to = '\0';
}

static void check_arguments(const struct command *c, char *text)
{
	char got[512], want[512];
	char *newline = strchr(text, '\n');

	if (newline)
		*newline = '\0';
	squeeze(got, text + strlen(".It Cm ") + strlen(c->name), true);
	squeeze(want, c->args, false);
	tap_is_text(got, want, c->name);
	if (newline)
		*newline = '\n';
}

static bool option_is_in(const char *text, const struct option_spec *o)
{
	char line[128];

	if (o->letter && o->arg)
		snprintf(line, sizeof(line),
			 "\n.It Fl %c Ar %s , Fl -%s Ar %s\n", o->letter,
			 o->arg, o->name, o->arg);
	else if (o->letter)
		snprintf(line, sizeof(line), "\n.It Fl %c , Fl -%s\n",
			 o->letter, o->name);
	else if (o->arg)
		snprintf(line, sizeof(line), "\n.It Fl -%s Ar %s\n", o->name,
			 o->arg);
	else
		snprintf(line, sizeof(line), "\n.It Fl -%s\n", o->name);
	return strstr(text, line);
}

static void check_options(const struct command *c, const char *text)
{
	const struct option_spec *o;
	unsigned int in_page = 0, in_table = 0;

	for (o = c->options; o && o->name; o++) {
		in_table++;
		tap_ok(option_is_in(text, o), "%s --%s is in the man page",
		       c->name, o->name);
	}
	while ((text = strstr(text, "\n.It Fl "))) {
		in_page++;
		text++;
	}
	tap_is_int(in_page, in_table, "the man page has no other option");
}

static char *read_page(void)
{
	FILE *file = fopen(PAGE, "re");
	char *page = calloc(1, 1 << 17);

	if (!file || !page || !fread(page, 1, (1 << 17) - 1, file)) {
		printf("Bail out! cannot read " PAGE "\n");
		exit(2);
	}
	fclose(file);
	return page;
}

/* Every verb in the page's list is one of the table's. */
static void check_verbs(const char *page)
{
	const char *at = strstr(page, "\n.Sh VERBS\n");
	const char *end = at ? strstr(at + 1, "\n.Sh ") : NULL;
	char verb[32];

	while (at && end && (at = strstr(at, "\n.It Cm ")) && at < end) {
		at++;
		if (sscanf(at, ".It Cm %31s", verb) == 1)
			tap_ok(find_command(verb),
			       "%s of the man page is a verb", verb);
	}
}

int main(void)
{
	char *page = read_page(), *text;
	const struct command *c;

	for (c = commands; c->name; c++) {
		text = verb_text(page, c->name);
		if (!tap_ok(text, "%s is in the man page", c->name))
			continue;
		check_arguments(c, text);
		check_options(c, text);
		free(text);
	}
	check_verbs(page);
	free(page);
	return tap_done();
}
