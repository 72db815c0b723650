// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "text.h"

#define NSEC_PER_SEC	1000000000LL
#define WORD_MAX	32	/* no verb, option or resource is longer */

/* The character at @s and its length in bytes; 0 = this byte is not UTF-8. */
static size_t decode(const unsigned char *s, size_t len, uint32_t *ret)
{
	/* The least value that needs so many bytes: shorter is a forgery. */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = s[0];
	size_t n, i;

	if (c < 0x80)
		n = 1;
	else if (c >= 0xc2 && c < 0xe0)
		n = 2;
	else if (c >= 0xe0 && c < 0xf0)
		n = 3;
	else if (c >= 0xf0 && c < 0xf5)
		n = 4;
	else
		return 0;
	if (n > len)
		return 0;
	if (n > 1)
		c &= 0x7f >> n;
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return n;
}

static bool harmless(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	/* Zero width and direction marks; line and paragraph separators. */
	return !((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		 (c >= 0x2060 && c <= 0x206f) || c == 0xfeff);
}

static size_t escape_byte(unsigned char byte, char piece[5])
{
	switch (byte) {
	case '\n':
		return (size_t)sprintf(piece, "\\n");
	case '\t':
		return (size_t)sprintf(piece, "\\t");
	}
	return (size_t)sprintf(piece, "\\x%02x", byte);
}

char *escape(char *dst, size_t size, const char *src, size_t len)
{
	const unsigned char *s = (const unsigned char *)src;
	size_t used = 0, n, out;
	uint32_t c;

	for (; len; s += n, len -= n) {
		const char *from = (const char *)s;
		char piece[5];

		n = decode(s, len, &c);
		out = n;
		if (!n || !harmless(c)) {
			/* Byte by byte: the rest of the character follows. */
			n = 1;
			from = piece;
			out = escape_byte(*s, piece);
		}
		if (used + out >= size)
			break;
		memcpy(dst + used, from, out);
		used += out;
	}
	dst[used] = '\0';
	return dst;
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

/* "Optimal string alignment"; texts that are too long are infinitely far. */
unsigned int edit_distance(const char *a, const char *b)
{
	unsigned int d[WORD_MAX + 1][WORD_MAX + 1];
	size_t la = strnlen(a, WORD_MAX + 1), lb = strnlen(b, WORD_MAX + 1);
	size_t i, j;

	if (la > WORD_MAX || lb > WORD_MAX)
		return ~0U;
	for (i = 0; i <= la; i++)
		d[i][0] = (unsigned int)i;
	for (j = 0; j <= lb; j++)
		d[0][j] = (unsigned int)j;
	for (i = 1; i <= la; i++) {
		for (j = 1; j <= lb; j++) {
			unsigned int change = a[i - 1] != b[j - 1];

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
				       d[i - 1][j - 1] + change);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[la][lb];
}

struct nearest nearest_to(const char *word)
{
	size_t len = strnlen(word, WORD_MAX);

	/* A third of the letters wrong: any more and it is another word. */
	return (struct nearest){
		.word = word,
		.distance = (unsigned int)(len + 2) / 3 + 1,
	};
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
	unsigned int distance = edit_distance(nearest->word, candidate);

	if (distance < nearest->distance) {
		nearest->distance = distance;
		nearest->found = candidate;
	}
}

static char *format_time(char *buf, size_t size, const struct tm *tm,
			 const char *format, int64_t nsec, const char *zone)
{
	char seconds[TIME_LEN];

	if (!strftime(seconds, sizeof(seconds), format, tm))
		seconds[0] = '\0';
	snprintf(buf, size, "%s.%03u%s", seconds,
		 (unsigned int)(nsec / 1000000), zone);
	return buf;
}

/* Division that rounds down: nanoseconds before 1970 are positive, too. */
static int64_t split_time(int64_t realtime_ns, time_t *ret_seconds)
{
	int64_t nsec = realtime_ns % NSEC_PER_SEC;

	*ret_seconds = (time_t)(realtime_ns / NSEC_PER_SEC);
	if (nsec < 0) {
		nsec += NSEC_PER_SEC;
		--*ret_seconds;
	}
	return nsec;
}

char *local_time(char *buf, size_t size, int64_t realtime_ns)
{
	struct tm tm = { 0 };
	time_t seconds;
	int64_t nsec = split_time(realtime_ns, &seconds);

	localtime_r(&seconds, &tm);
	return format_time(buf, size, &tm, "%Y-%m-%d %H:%M:%S", nsec, "");
}

char *utc_time(char *buf, size_t size, int64_t realtime_ns)
{
	struct tm tm = { 0 };
	time_t seconds;
	int64_t nsec = split_time(realtime_ns, &seconds);

	gmtime_r(&seconds, &tm);
	return format_time(buf, size, &tm, "%Y-%m-%dT%H:%M:%S", nsec, "Z");
}
