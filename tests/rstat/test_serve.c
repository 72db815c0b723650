// SPDX-License-Identifier: GPL-2.0
/* What comes from the network or from the file of tokens, before it is used. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api.h"
#include "job.h"
#include "say.h"
#include "tap.h"

#define NOW 1763942400

static int64_t parsed(const char *text)
{
	int64_t time = -1;

	return api_parse_time(text, NOW, &time) ? -1 : time;
}

static void test_times(void)
{
	static const char *const bad[] = {
		"",
		"-",
		"now ",
		"-1",
		"-1x",
		"-1hh",
		"1h",
		"--1h",
		"1e9",
		"yesterday",
		"-999999999999d",
		"-99999999999y",
		"9223372036854775808",
		"0x10",
		"-h",
		"\n",
		"start+1h",
	};

	tap_is_int(parsed("now"), NOW, "now");
	tap_is_int(parsed("1763900000"), 1763900000, "seconds");
	tap_is_int(parsed("-0s"), NOW, "no time ago");
	tap_is_int(parsed("-90m"), NOW - 5400, "minutes ago");
	tap_is_int(parsed("-2w"), NOW - 14 * 86400, "weeks ago");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		tap_ok(parsed(bad[i]) == -1, "no time: '%s'",
		       strcmp(bad[i], "\n") ? bad[i] : "newline");
}

static void test_addresses(void)
{
	static const char *const bad[] = {
		"",
		":",
		":80",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:x",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"::1:80",
		"[::1]",
		"[::1:80",
		"example.org:80",
		"127.0.0.1:80 ",
		"[]:80",
		"127.0.0.1:99999999999999999999",
	};
	struct http_address a;

	tap_ok(!http_parse_address("127.0.0.1:9119", &a) && a.loopback,
	       "127.0.0.1 is loopback");
	tap_ok(!http_parse_address("127.9.9.9:0", &a) && a.loopback,
	       "all of 127 is");
	tap_ok(!http_parse_address("localhost:80", &a) && a.loopback,
	       "localhost is");
	tap_ok(!http_parse_address("[::1]:9119", &a) && a.loopback, "::1 is");
	tap_ok(!http_parse_address("0.0.0.0:9119", &a) && !a.loopback,
	       "0.0.0.0 is not");
	tap_ok(!http_parse_address("[::]:9119", &a) && !a.loopback,
	       ":: is not");
	tap_ok(!http_parse_address("[::ffff:127.0.0.1]:80", &a) && !a.loopback,
	       "a mapped one is not taken for it");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		tap_ok(http_parse_address(bad[i], &a) == -EINVAL,
		       "no address: '%s'", bad[i]);
}

/* --- tokens ----------------------------------------------------------------- */

static char path[] = "/tmp/rstat-tokens.XXXXXX";

static void write_tokens(const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, mode))
		tap_ok(false, "writing the tokens");
	close(fd);
}

static void test_tokens(void)
{
	struct tokens tokens = { .path = path };
	const struct token *token;
	char text[512], hash[65];

	/* The truth is sha256sum's. */
	FILE *sum = popen("for s in 'secret of web' everything; do "
			  "printf %s \"$s\" | sha256sum; done",
			  "r");
	char second[65];

	if (!sum || fscanf(sum, "%64s -\n%64s", hash, second) != 2)
		tap_ok(false, "sha256sum");
	pclose(sum);
	snprintf(text, sizeof(text), "# who\n\nweb %s\n  *\t%s\r\n", hash,
		 second);
	write_tokens(text, 0600);
	tap_is_int(tokens_update(&tokens), 0, "a file of tokens");
	tap_is_int((int64_t)tokens.nr, 2, "with two of them");
	token = tokens_find(&tokens, "secret of web");
	tap_is_text(token ? token->container : NULL, "web",
		    "a secret is known by its SHA-256");
	token = tokens_find(&tokens, "everything");
	tap_is_text(token ? token->container : NULL, TOKENS_ALL,
		    "and one that sees all");
	tap_ok(!tokens_find(&tokens, "") && !tokens_find(&tokens, hash) &&
		       !tokens_find(&tokens, "secret of web "),
	       "others are not, and the hash itself is none");

	snprintf(text, sizeof(text), "web %s\n", hash);
	write_tokens(text, 0600);
	tap_is_int(tokens_update(&tokens), 0, "read again when it changes");
	tap_ok(!tokens_find(&tokens, "everything"), "one was taken back");

	snprintf(text, sizeof(text), "web %s\nweb %.63s\n", hash, hash);
	write_tokens(text, 0600);
	tap_is_int(tokens_update(&tokens), -EINVAL, "a short hash is refused");
	tap_ok(strstr(failure(), "line 2") != NULL, "with its line");
	tap_ok(!tokens_find(&tokens, "secret of web"),
	       "and nobody gets in until it is repaired");
	snprintf(text, sizeof(text), "../web %s\n", hash);
	write_tokens(text, 0600);
	tap_is_int(tokens_update(&tokens), -EINVAL, "a name that is none");
	snprintf(text, sizeof(text), "web %s more\n", hash);
	write_tokens(text, 0600);
	tap_is_int(tokens_update(&tokens), -EINVAL, "a word too many");
	snprintf(text, sizeof(text), "web %s\n", hash);
	write_tokens(text, 0620);
	tap_is_int(tokens_update(&tokens), -EPERM,
		   "a file that others can write");
	tap_ok(!tokens_find(&tokens, "secret of web"), "lets nobody in");
	write_tokens(text, 0600);
	tap_is_int(tokens_update(&tokens), 0, "repaired");
	tap_ok(tokens_find(&tokens, "secret of web") != NULL, "and used");
	unlink(path);
	tap_is_int(tokens_update(&tokens), -ENOENT, "gone");
	tap_ok(!tokens_find(&tokens, "secret of web"), "nobody gets in");
	tokens_free(&tokens);
}

/* --- jobs -------------------------------------------------------------------- */

struct outcome {
	int done;
	int err;
	char text[64];
};

static void job_done(void *arg, int err, struct blob *result)
{
	struct outcome *outcome = arg;

	outcome->done++;
	outcome->err = err;
	snprintf(outcome->text, sizeof(outcome->text), "%s",
		 err ? failure() : result->data);
	if (!err)
		blob_free(result);
}

static int job_write(void *arg, FILE *out)
{
	fputs(arg, out);
	return 0;
}

static int job_absent(void *arg, FILE *out)
{
	(void)arg;
	(void)out;
	return fail(ENOENT, "not there");
}

/* Goes where the next one must not begin. */
static int job_wander(void *arg, FILE *out)
{
	char where[PATH_MAX];

	(void)arg;
	fprintf(out, "%d %s", getpid(), getcwd(where, sizeof(where)));
	return chdir("/");
}

static int job_crash(void *arg, FILE *out)
{
	(void)arg;
	(void)out;
	raise(SIGKILL);
	return 0;
}

static int job_hang(void *arg, FILE *out)
{
	(void)arg;
	(void)out;
	pause();
	return 0;
}

static int job_files(void *arg, FILE *out)
{
	struct stat st;

	/* The worker may have a directory or its socket there. */
	fprintf(out, "%s",
		!fstat(*(int *)arg, &st) && S_ISCHR(st.st_mode) ? "open" :
								  "closed");
	return 0;
}

static int start(struct jobs *jobs, child_fn fn, const void *arg, size_t len,
		 unsigned int owner, struct outcome *outcome)
{
	struct job job = { .fn = fn,
			   .owner = owner,
			   .done = job_done,
			   .done_arg = outcome,
			   .arg = calloc(1, len + 1),
			   .size = len + 1 };
	int err;

	memcpy(job.arg, arg, len);
	err = job_start(jobs, &job);
	if (err)
		free(job.arg);
	return err;
}

static void wait_for(struct jobs *jobs, const int *done, int wanted)
{
	while (*done < wanted) {
		struct pollfd fds[JOBS_RUNNING];
		unsigned int n = jobs_poll(jobs, fds);

		poll(fds, n, jobs_timeout(jobs));
		jobs_run(jobs);
	}
}

static void test_worker(struct jobs *jobs)
{
	struct outcome first = {}, second = {}, third = {};
	siginfo_t info;
	int pid;

	start(jobs, job_wander, "", 0, 1, &first);
	wait_for(jobs, &first.done, 1);
	start(jobs, job_wander, "", 0, 1, &second);
	wait_for(jobs, &second.done, 1);
	tap_is_text(second.text, first.text,
		    "the same process, in the same directory");
	pid = atoi(second.text);
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	start(jobs, job_wander, "", 0, 1, &third);
	wait_for(jobs, &third.done, 1);
	tap_ok(!third.err && atoi(third.text) != pid,
	       "another one when that is gone");
}

static void test_jobs(void)
{
	struct outcome outcome = {}, hanging = {};
	struct jobs jobs = {};
	int err = 0, secret = open("/dev/null", O_RDONLY);

	start(&jobs, job_write, "23", 3, 1, &outcome);
	wait_for(&jobs, &outcome.done, 1);
	tap_is_text(outcome.text, "23", "what a child wrote");
	test_worker(&jobs);
	start(&jobs, job_absent, "", 0, 1, &outcome);
	wait_for(&jobs, &outcome.done, 2);
	tap_is_int(outcome.err, -ENOENT, "that something is not there");
	tap_is_text(outcome.text, "not there", "in its words");
	start(&jobs, job_crash, "", 0, 1, &outcome);
	wait_for(&jobs, &outcome.done, 3);
	tap_is_int(outcome.err, -EIO, "a child that was killed");
	start(&jobs, job_files, &secret, sizeof(secret), 1, &outcome);
	wait_for(&jobs, &outcome.done, 4);
	tap_is_text(outcome.text, "closed", "a child has no file of others");
	close(secret);

	for (unsigned int i = 0; i < JOBS_OWNER; i++)
		err |= start(&jobs, job_hang, "", 0, 1, &hanging);
	tap_is_int(err, 0, "as many as one owner may have");
	tap_is_int(start(&jobs, job_hang, "", 0, 1, &hanging), -EBUSY,
		   "one more is refused");
	tap_is_int(start(&jobs, job_hang, "", 0, 2, &hanging), 0,
		   "another owner is not");
	jobs_run(&jobs);
	tap_is_int(jobs.nr_running, JOBS_RUNNING, "so many run at a time");
	jobs_stop(&jobs);
	tap_is_int(hanging.done, JOBS_OWNER + 1, "all of them end");
	tap_is_int(hanging.err, -ECANCELED, "by being stopped");
}

int main(void)
{
	int fd = mkstemp(path);

	if (fd >= 0)
		close(fd);
	test_times();
	test_addresses();
	test_tokens();
	test_jobs();
	return tap_done();
}
