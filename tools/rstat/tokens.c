// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <librescore.h>

#include "file.h"
#include "say.h"
#include "tokens.h"

#define FILE_MAX	(8 << 20)	/* bytes: tens of thousands of tokens */
#define SECRET_LEN	32

void tokens_free(struct tokens *tokens)
{
	free(tokens->token);
	*tokens = (struct tokens){ .path = tokens->path };
}

static void hash_secret(const char *secret, uint8_t ret_hash[32])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, strlen(secret), (const uint8_t *)secret);
	sha256_digest(&ctx, SHA256_DIGEST_SIZE, ret_hash);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hash(const char *text, uint8_t ret_hash[32])
{
	for (size_t i = 0; i < 32; i++) {
		int high = hex_digit(text[2 * i]);
		int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0)
			return false;
		ret_hash[i] = (uint8_t)(high << 4 | low);
	}
	return !text[64];
}

/* "NAME HASH"; 1: a token, 0: nothing in this line. */
static int parse_line(char *line, struct token *ret)
{
	char *save, *name = strtok_r(line, " \t\r", &save);
	char *hash = strtok_r(NULL, " \t\r", &save);
	char *more = strtok_r(NULL, " \t\r", &save);

	if (!name || *name == '#')
		return 0;
	if (!hash || more ||
	    (strcmp(name, TOKENS_ALL) && rescore_check_name(name)) ||
	    !parse_hash(hash, ret->hash))
		return -EINVAL;
	snprintf(ret->container, sizeof(ret->container), "%s", name);

	return 1;
}

static int parse(struct tokens *tokens, char *text)
{
	unsigned int number = 0;
	size_t room = 0;

	for (char *line = text, *next; line; line = next) {
		int found;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		number++;
		if (tokens->nr == room) {
			struct token *token;

			room = room ? 2 * room : 16;
			token = realloc(tokens->token, room * sizeof(*token));
			if (!token)
				return fail(ENOMEM, "no memory");
			tokens->token = token;
		}
		found = parse_line(line, &tokens->token[tokens->nr]);
		if (found < 0)
			return fail(EINVAL,
				    "'%s', line %u: this is not a name and a "
				    "SHA-256; nobody gets in until it is",
				    tokens->path, number);
		tokens->nr += (size_t)found;
	}

	return 0;
}

/* Only who may change what is shown may say who sees it. */
static int check_file(const char *path, const struct stat *stat)
{
	if (!S_ISREG(stat->st_mode))
		return fail(EINVAL, "'%s' is not a file", path);
	if (stat->st_mode & (S_IWGRP | S_IWOTH))
		return fail(EPERM,
			    "'%s' can be written by others: chmod go-w it",
			    path);
	if (stat->st_size > FILE_MAX)
		return fail(EFBIG, "'%s' is too large", path);
	return 0;
}

static int read_file(struct tokens *tokens)
{
	struct blob text = {};
	struct stat stat;
	int err = 0, fd;

	fd = open(tokens->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &stat))
		err = fail(errno, "'%s': %s", tokens->path, strerror(errno));
	else
		err = check_file(tokens->path, &stat);
	if (!err) {
		err = blob_read(fd, &text);
		if (err)
			err = fail(-err, "'%s': %s", tokens->path,
				   strerror(-err));
	}
	if (fd >= 0)
		close(fd);
	if (!err && strlen(text.data) != text.len)
		err = fail(EINVAL, "'%s' is not a text", tokens->path);
	if (!err) {
		tokens->seen = stat;
		err = parse(tokens, text.data);
	}
	if (err) {
		free(tokens->token);
		tokens->token = NULL;
		tokens->nr = 0;
	}
	blob_free(&text);

	return err;
}

int tokens_update(struct tokens *tokens)
{
	const struct stat *seen = &tokens->seen;
	struct stat now;

	if (!tokens->path)
		return 0;
	if (!stat(tokens->path, &now) && now.st_ino == seen->st_ino &&
	    now.st_dev == seen->st_dev && now.st_size == seen->st_size &&
	    now.st_mode == seen->st_mode &&
	    !memcmp(&now.st_mtim, &seen->st_mtim, sizeof(now.st_mtim)) &&
	    !memcmp(&now.st_ctim, &seen->st_ctim, sizeof(now.st_ctim)))
		return 0;
	tokens_free(tokens);

	return read_file(tokens);
}

const struct token *tokens_find(const struct tokens *tokens, const char *secret)
{
	const struct token *found = NULL;
	uint8_t hash[32];

	hash_secret(secret, hash);
	for (size_t i = 0; i < tokens->nr; i++)
		if (memeql_sec(hash, tokens->token[i].hash, sizeof(hash)))
			found = &tokens->token[i];
	return found;
}

/* --- rstat token ---------------------------------------------------------- */

static void put_hex(const uint8_t *bytes, size_t n, char *to)
{
	for (size_t i = 0; i < n; i++)
		sprintf(to + 2 * i, "%02x", bytes[i]);
}

/* Does the file end in the middle of a line, as editors may leave it? */
static bool ends_open(int fd, const struct stat *stat)
{
	char last = '\n';

	return stat->st_size &&
	       (pread(fd, &last, 1, stat->st_size - 1) != 1 || last != '\n');
}

static int append(const char *path, const char *name, const char *hash)
{
	char line[RESCORE_NAME_LEN + 70];
	struct stat stat;
	int err = 0, fd;

	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK,
		  0600);
	if (fd < 0 || fstat(fd, &stat))
		err = fail(errno, "'%s': %s", path, strerror(errno));
	else
		err = check_file(path, &stat);
	if (!err) {
		snprintf(line, sizeof(line), "%s%s %s\n",
			 ends_open(fd, &stat) ? "\n" : "", name, hash);
		err = write_all(fd, line, strlen(line));
		if (!err && fsync(fd))
			err = -errno;
		/* half a line would let nobody in */
		if (err && ftruncate(fd, stat.st_size))
			say("'%s': %s", path, strerror(errno));
		if (err)
			err = fail(-err, "'%s': %s", path, strerror(-err));
	}
	if (fd >= 0)
		close(fd);

	return err;
}

static int make_token(const char *path, const char *name)
{
	struct tokens tokens = { .path = path };
	char hex[65], secret[TOKEN_LEN];
	uint8_t bytes[SECRET_LEN], hash[32];
	int err;

	if (strcmp(name, TOKENS_ALL) && rescore_check_name(name))
		return fail(EINVAL, "token: %s", rescore_strerror());
	/* A line behind one that is not whole would spoil both. */
	err = access(path, F_OK) ? 0 : tokens_update(&tokens);
	tokens_free(&tokens);
	if (err)
		return err;
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return fail(errno, "no random numbers: %s", strerror(errno));
	put_hex(bytes, sizeof(bytes), secret);
	hash_secret(secret, hash);
	put_hex(hash, sizeof(hash), hex);
	err = append(path, name, hex);
	if (!err)
		printf("%s\n", secret);

	return err;
}

int token_run(const struct args *args)
{
	if (!args->tokens) {
		say("token: give --tokens FILE, the one that serve is given");
		return RSTAT_USAGE;
	}
	if (make_token(args->tokens, args->container)) {
		say("%s", failure());
		return RSTAT_FAILED;
	}

	return RSTAT_OK;
}
