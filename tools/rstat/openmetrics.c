// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "openmetrics.h"
#include "say.h"

#define DIGITS_MAX	48	/* of a 128-bit integer, point and sign */

void om_free(struct om *om)
{
	free(om->data);
	om->data = NULL;
	om->len = om->room = 0;
}

const char *om_content_type(enum om_dialect dialect)
{
	return dialect == OM_1_0 ?
		       "application/openmetrics-text; version=1.0.0; "
		       "charset=utf-8" :
		       "text/plain; version=0.0.4; charset=utf-8";
}

static void hand_on(struct om *om)
{
	if (!om->err && om->len)
		om->err = om->sink(om->arg, om->data, om->len);
	om->len = 0;
}

static bool make_room(struct om *om, size_t len)
{
	size_t room = om->room ? om->room : OM_PART;
	char *data;

	if (om->sink && om->len + len > OM_PART)
		hand_on(om);
	if (om->err)
		return false;
	while (room < om->len + len)
		room *= 2;
	if (room == om->room)
		return true;
	data = realloc(om->data, room);
	if (!data) {
		om->err = fail(ENOMEM, "no memory");
		return false;
	}
	om->data = data;
	om->room = room;

	return true;
}

static void put(struct om *om, const char *text, size_t len)
{
	if (!make_room(om, len))
		return;
	memcpy(om->data + om->len, text, len);
	om->len += len;
}

static void put_text(struct om *om, const char *text)
{
	put(om, text, strlen(text));
}

/* "# HELP name text\n" */
static void put_comment(struct om *om, const char *what, const char *name,
			const char *suffix, const char *text)
{
	put_text(om, "# ");
	put_text(om, what);
	put_text(om, " ");
	put_text(om, name);
	put_text(om, suffix);
	put_text(om, " ");
	put_text(om, text);
	put_text(om, "\n");
}

void om_family(struct om *om, const char *name, enum om_type type,
	       const char *unit, const char *help)
{
	/* 0.0.4 knows no families: there the counter is x_total itself. */
	const char *suffix = type == OM_COUNTER ? "_total" : "";
	const char *shown = om->dialect == OM_TEXT ? suffix : "";

	om->name_len = (size_t)snprintf(om->name, sizeof(om->name), "%s%s",
					name, suffix);
	put_comment(om, "TYPE", name, shown,
		    type == OM_COUNTER ? "counter" : "gauge");
	if (unit && om->dialect == OM_1_0)
		put_comment(om, "UNIT", name, "", unit);
	put_comment(om, "HELP", name, shown, help);
}

void om_labels_begin(struct om_labels *labels)
{
	labels->text[0] = '{';
	labels->len = 1;
}

static void add(struct om_labels *labels, const char *text)
{
	size_t len = strlen(text);

	/* Three of the longest names, all escaped, are less. */
	if (labels->len + len >= sizeof(labels->text))
		return;
	memcpy(labels->text + labels->len, text, len);
	labels->len += len;
}

void om_label(struct om_labels *labels, const char *name, const char *value)
{
	/* The longest container, every byte of it replaced. */
	char escaped[64 * 3 + 1];

	if (labels->len > 1)
		add(labels, ",");
	add(labels, name);
	add(labels, "=\"");
	add(labels, escape_label(value, escaped, sizeof(escaped)));
	add(labels, "\"");
}

void om_labels_end(struct om_labels *labels)
{
	add(labels, "}");
	labels->text[labels->len] = '\0';
}

static void put_sample(struct om *om, const char *labels, const char *value,
		       size_t len)
{
	size_t labels_len = strlen(labels);
	char *to;

	/* Once for the sample: there are a million of them. */
	if (!make_room(om, om->name_len + labels_len + len + 2))
		return;
	to = om->data + om->len;
	memcpy(to, om->name, om->name_len);
	to += om->name_len;
	to = mempcpy(to, labels, labels_len);
	*to++ = ' ';
	memcpy(to, value, len);
	to += len;
	*to++ = '\n';
	om->len = (size_t)(to - om->data);
}

void om_integer(struct om *om, const char *labels, uint64_t value)
{
	char buf[DIGITS_MAX], *at = buf + sizeof(buf);

	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put_sample(om, labels, at, (size_t)(buf + sizeof(buf) - at));
}

void om_decimal(struct om *om, const char *labels, om_wide value,
		unsigned int decimals)
{
	char buf[DIGITS_MAX], *at = buf + sizeof(buf);
	bool negative = value < 0;
	unsigned int n = 0;

	/* The common case, without division of 128 bits. */
	if (!decimals && value >= 0 && value <= INT64_MAX) {
		om_integer(om, labels, (uint64_t)value);
		return;
	}
	while (value || n <= decimals) {
		/* 128 bits are divided slowly, and mostly they are 64. */
		bool small = value >= 0 && value <= INT64_MAX;
		int digit = small ? (int)((uint64_t)value % 10) :
				    (int)(value % 10);

		*--at = (char)('0' + (negative ? -digit : digit));
		value = small ? (om_wide)((uint64_t)value / 10) : value / 10;
		if (++n == decimals)
			*--at = '.';
	}
	if (negative)
		*--at = '-';
	put_sample(om, labels, at, (size_t)(buf + sizeof(buf) - at));
}

void om_infinite(struct om *om, const char *labels)
{
	put_sample(om, labels, "+Inf", 4);
}

int om_end(struct om *om)
{
	if (om->dialect == OM_1_0)
		put_text(om, "# EOF\n");
	if (om->sink)
		hand_on(om);
	return om->err;
}
