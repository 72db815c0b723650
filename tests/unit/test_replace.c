// SPDX-License-Identifier: GPL-2.0
/* Files that are replaced as a whole: new, again, and when there is no room. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replace.h"
#include "tap.h"

static const char *read_back(const char *path)
{
	static char text[64];
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	if (file)
		fclose(file);
	text[n] = '\0';
	return file ? text : NULL;
}

static int mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : (int)(st.st_mode & 07777);
}

static void test_replaced(void)
{
	umask(077);
	tap_is_int(rescore_replace_file("file", "one\n", 0644), 0, "made");
	tap_is_text(read_back("file"), "one\n", "what is in it");
	tap_is_int(mode_of("file"), 0644, "its mode, whatever the umask");
	tap_is_int(rescore_replace_file("file", "two", 0600), 0, "replaced");
	tap_is_text(read_back("file"), "two", "what is in it now");
	tap_is_int(mode_of("file"), 0600, "its mode now");
	tap_is_int(rescore_replace_file("file", "", 0600), 0, "by nothing");
	tap_is_text(read_back("file"), "", "which is in it");
	tap_ok(access("file.new", F_OK) != 0, "nothing is left over");
}

/* A disk that fills up, as far as a process can have one of its own. */
static void test_no_room(void)
{
	struct rlimit all, room;

	getrlimit(RLIMIT_FSIZE, &all);
	room = (struct rlimit){ 4, all.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	tap_is_int(rescore_replace_file("full", "old", 0600), 0, "with room");
	setrlimit(RLIMIT_FSIZE, &room);
	tap_is_int(rescore_replace_file("full", "too long", 0600), -EFBIG,
		   "without");
	setrlimit(RLIMIT_FSIZE, &all);
	tap_is_text(read_back("full"), "old", "the old is there");
	tap_ok(access("full.new", F_OK) != 0, "and no half of the new");
}

static void test_no_place(void)
{
	mkdir("folder", 0700);
	tap_is_int(rescore_replace_file("folder", "text", 0600), -EISDIR,
		   "in place of a folder");
	tap_ok(access("folder.new", F_OK) != 0, "nothing is left beside it");
	tap_is_int(rescore_replace_file("none/file", "text", 0600), -ENOENT,
		   "in no folder");
}

int main(void)
{
	char folder[] = "/tmp/rescore-replace-XXXXXX";

	if (!mkdtemp(folder) || chdir(folder))
		return 1;
	test_replaced();
	test_no_place();
	test_no_room();
	unlink("file");
	unlink("full");
	rmdir("folder");
	rmdir(folder);
	return tap_done();
}
