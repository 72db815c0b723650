/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who may see what. A token is a secret of 256 random bits; the file has only
 * its SHA-256, so that who reads the file cannot use it:
 *
 *	# comment
 *	web 9f86d081884c7d65…		sees container "web" alone
 *	* 60303ae22b998861…		sees everything
 */
#ifndef RSTAT_TOKENS_H
#define RSTAT_TOKENS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <rescore/abi.h>

#include "verb.h"

#define TOKENS_ALL	"*"
#define TOKEN_LEN	65	/* 32 bytes in hexadecimal, and a NUL */

struct token {
	char container[RESCORE_NAME_LEN]; /* or TOKENS_ALL */
	uint8_t hash[32];
};

struct tokens {
	const char *path;	/* NULL: there are none, everybody sees all */
	struct stat seen;	/* of what was read; all 0: nothing */
	size_t nr;
	struct token *token;
};

/*
 * Read the file again if it is another one than before. On failure there are no
 * tokens: nobody gets in until it is repaired. failure() says what is wrong.
 */
int tokens_update(struct tokens *tokens);
void tokens_free(struct tokens *tokens);

/*
 * Whose @secret is it? NULL: nobody's. How long it takes depends on how many
 * tokens there are, but neither on the secret nor on which one it is.
 */
const struct token *tokens_find(const struct tokens *tokens,
				const char *secret);

/* The verb: make one, print it, append its hash. */
int token_run(const struct args *args);

#endif /* RSTAT_TOKENS_H */
