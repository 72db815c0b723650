// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "escape.h"

struct sink {
	char *buf;
	size_t size;
	size_t used;
	bool full;		/* nothing more: what follows would be out of place */
};

static void put(struct sink *sink, const char *piece, size_t len)
{
	if (sink->full || sink->used + len >= sink->size) {
		sink->full = true;
		return;
	}
	memcpy(sink->buf + sink->used, piece, len);
	sink->used += len;
}

static const char *end(struct sink *sink)
{
	sink->buf[sink->used] = '\0';
	return sink->buf;
}

const char *escape_terminal(const char *word, char *buf, size_t size)
{
	struct sink sink = { buf, size };

	for (; *word; word++)
		put(&sink, *word < ' ' || *word > '~' ? "?" : word, 1);
	return end(&sink);
}

const char *escape_csv(const char *word, char *buf, size_t size)
{
	/* Room for the quote at the end. */
	struct sink sink = { buf, size - 1 };

	put(&sink, "\"", 1);
	if (*word && strchr("=+-@\t\r", *word))
		put(&sink, "'", 1);
	for (; *word; word++) {
		if (*word == '"')
			put(&sink, "\"\"", 2);
		else
			put(&sink, word, 1);
	}
	sink.size = size;
	sink.full = false;
	put(&sink, "\"", 1);

	return end(&sink);
}

/* Length of the valid character at @s, 0 if there is none. */
static size_t utf8_len(const unsigned char *s)
{
	/* What the second byte may be, so that no value has two forms. */
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		len = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;	/* surrogates */
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static const char *escape_text(const char *word, bool label, char *buf,
			       size_t size)
{
	struct sink sink = { buf, size };
	size_t len;

	for (; *word; word += len ? len : 1) {
		len = utf8_len((const unsigned char *)word);
		if (!len)
			put(&sink, "\xef\xbf\xbd", 3);
		else if (label && *word == '\\')
			put(&sink, "\\\\", 2);
		else if (label && *word == '"')
			put(&sink, "\\\"", 2);
		else if (label && *word == '\n')
			put(&sink, "\\n", 2);
		else
			put(&sink, word, len);
	}
	return end(&sink);
}

const char *escape_utf8(const char *word, char *buf, size_t size)
{
	return escape_text(word, false, buf, size);
}

const char *escape_label(const char *word, char *buf, size_t size)
{
	return escape_text(word, true, buf, size);
}
