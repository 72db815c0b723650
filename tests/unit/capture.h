/* SPDX-License-Identifier: GPL-2.0 */
/* What code under test writes to a stream, as a string. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct capture {
	FILE *stream;
	int saved, file;
	char text[16384];
};

static inline void capture_begin(struct capture *c, FILE *stream)
{
	fflush(stream);
	c->stream = stream;
	c->saved = dup(fileno(stream));
	c->file = memfd_create("capture", MFD_CLOEXEC);
	if (c->saved < 0 || c->file < 0 || dup2(c->file, fileno(stream)) < 0) {
		perror("capture");
		exit(2);
	}
}

static inline const char *capture_end(struct capture *c)
{
	ssize_t n;

	fflush(c->stream);
	dup2(c->saved, fileno(c->stream));
	n = pread(c->file, c->text, sizeof(c->text) - 1, 0);
	c->text[n < 0 ? 0 : n] = '\0';
	close(c->saved);
	close(c->file);
	return c->text;
}

#endif /* CAPTURE_H */
