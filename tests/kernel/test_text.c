// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/fs/bpf/rescore/user_beancounters: OpenVZ's text, version 2.5, byte for
 * byte, as tools that were written for it parse it.
 */
#include "puppet.h"

#define FILE_NAME RESCORE_PIN_DIR "/user_beancounters"
#define HEADER								\
	"Version: 2.5\n"						\
	"       uid  resource                     held              maxheld" \
	"              barrier                limit              failcnt\n"

FIXTURE(text){};

FIXTURE_SETUP(text)
{
	world_begin(_metadata);
}

FIXTURE_TEARDOWN(text)
{
	end_puppets();
	world_end(_metadata);
}

/* The whole file, read in pieces of @piece bytes. */
static char *read_text(size_t piece)
{
	static char buffer[1 << 20];
	int fd = open(FILE_NAME, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t n;

	while (fd >= 0 && size + piece < sizeof(buffer) &&
	       (n = read(fd, buffer + size, piece)) > 0)
		size += n;
	buffer[size] = '\0';
	close(fd);
	return buffer;
}

/* The rows of @slot as they should be, with what the table says now. */
static char *expected_rows(char *to, int slot)
{
	const struct rescore_resource *resource;
	struct rescore_line line;
	unsigned int index, id;
	bool first = true;

	for (index = 1; index <= RESCORE_RESOURCES_MAX; index++)
		for (id = 0; id < rescore_nr_resources(rs); id++) {
			resource = rescore_resource(rs, id);
			if (resource->ubc_index != index)
				continue;
			line = row(slot, id);
			if (first)
				to += sprintf(to, "%9u:", slot);
			else
				to += sprintf(to, "%10s", "");
			first = false;
			to += sprintf(
				to,
				"  %-12s %20lld %20lld %20lld %20lld %20llu\n",
				resource->name, (long long)line.held,
				(long long)line.maxheld,
				(long long)line.barrier, (long long)line.limit,
				(unsigned long long)line.failcnt);
		}
	return to;
}

/* With no container there are two lines: the version and the header. */
TEST_F(text, empty)
{
	struct stat st;

	if (rescore_next(rs, 0))
		SKIP(return, "there are containers already");
	EXPECT_STREQ(HEADER, read_text(4096));
	EXPECT_EQ(0, stat(FILE_NAME, &st));
	EXPECT_EQ(0400, st.st_mode & 07777);
	EXPECT_EQ(0, st.st_uid);
}

/* Every byte of a row: widths, the uid on the first row only, no bound. */
TEST_F(text, rows)
{
	static char expected[1 << 16];
	struct puppet *p;
	char *text, *line;

	if (rescore_next(rs, 0))
		SKIP(return, "there are containers already");
	ASSERT_EQ(PRIME, make("23"));
	p = puppet_in(PRIME);
	set_bounds(PRIME, numfile, 7, 11);
	EXPECT_EQ(7, puppet_do(p, open_many, "/dev/null", 8, O_RDONLY));
	EXPECT_EQ(-ENFILE, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(0, puppet_do(p, close_from, PUPPET_FD + 3, 0, 0));
	ASSERT_HELD(3, PRIME, numfile);

	text = read_text(4096);
	expected_rows(stpcpy(expected, HEADER), PRIME);
	EXPECT_STREQ(expected, text);
	/* and not only by our own format */
	EXPECT_NE(
		NULL,
		strstr(text,
		       "            numfile                         3                    7"
		       "                    7                   11                    2\n"));
	EXPECT_NE(
		NULL,
		strstr(text,
		       " numproc                         1                    1"
		       "  9223372036854775807  9223372036854775807                    0\n"));
	EXPECT_EQ(0, strncmp(text + strlen(HEADER), "       23:  ", 12));
	for (line = strchr(text, '\n') + 1; *line;
	     line = strchr(line, '\n') + 1)
		EXPECT_EQ(129, strcspn(line, "\n"));
}

/* The order of rows is UBC's, whatever the order in which they were loaded. */
TEST_F(text, order)
{
	static const char *const names[] = { "numproc", "numflock", "numpty",
					     "numfile" };
	char *text, *at;
	unsigned int i;

	ASSERT_LT(0, make("kt-a"));
	text = read_text(4096);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		at = strstr(text, names[i]);
		ASSERT_NE(NULL, at)
		TH_LOG("no %s", names[i]);
		text = at;
	}
}

/* A container that is gone has no rows, also while its slot is still taken. */
TEST_F(text, dead)
{
	struct puppet *p, *q;
	int a, b;

	ASSERT_EQ(PRIME, a = make("23"));
	ASSERT_EQ(29, b = make("29"));
	p = puppet_in(a);
	q = puppet_in(b);
	EXPECT_EQ(PUPPET_FD, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(0, puppet_do(p, pass_fd, PUPPET_FD, 0, 0));
	EXPECT_LE(0, puppet_do(q, take_fd, 0, 0, 0));
	puppet_end(p);
	EXPECT_NE(NULL, strstr(read_text(4096), "       23:  "));
	EXPECT_EQ(0, rescore_destroy(rs, a, true));
	EXPECT_EQ(NULL, strstr(read_text(4096), "       23:  "));
	EXPECT_NE(NULL, strstr(read_text(4096), "       29:  "));
}

/*
 * More than the buffer of an iterator (8 pages) holds, and read in small
 * pieces: every container is there, once, in the order of the slots.
 */
TEST_F(text, many)
{
	static char expected[1 << 20];
	static const size_t pieces[] = { 1 << 16, 4096, 1009, 13 };
	char *to = stpcpy(expected, HEADER);
	unsigned int i, slot = 0;

	for (i = 0; i < 83; i++)
		ASSERT_LT(0, make(text("kt-%u", i)));
	while ((slot = rescore_next(rs, slot)))
		to = expected_rows(to, slot);
	EXPECT_LT(9 * 4096, to - expected);
	for (i = 0; i < ARRAY_SIZE(pieces); i++)
		EXPECT_EQ(0, strcmp(expected, read_text(pieces[i])))
	TH_LOG("read in pieces of %zu bytes", pieces[i]);
}

RESCORE_TEST_MAIN(NULL)
