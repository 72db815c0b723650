# SPDX-License-Identifier: GPL-2.0
"""cpio archives, as the kernel unpacks them, and the one every guest has."""

import os
import shutil
import stat
import sys

# What the base layer has: no other layer need make it, nor change its mode.
FOLDERS = """
/usr /usr/bin /usr/sbin /usr/lib /usr/lib64 /usr/local /usr/local/bin
/usr/local/sbin /usr/local/lib /etc /proc /sys /dev /run /mnt /out /home /opt
/srv /var /var/lib /var/log /.vm /.vm/root /root /tmp /var/tmp /home/tenant
""".split()
MODES = {"/root": 0o700, "/tmp": 0o1777, "/var/tmp": 0o1777}
OWNERS = {"/home/tenant": 1000}


class Cpio:
    """A cpio archive in the "newc" format, owned by root."""

    def __init__(self, f):
        self.f, self.ino, self.folders = f, 0, {"/", *FOLDERS}

    def entry(self, path, mode, data=b"", size=None, time_=0, rdev=(0, 0),
              owner=0):
        self.ino += 1
        name = os.fsencode(path.lstrip("/")) + b"\0"
        size = len(data) if size is None else size
        fields = (self.ino, mode, owner, owner, 1, time_, size, 0, 0, *rdev,
                  len(name), 0)
        self.f.write(b"070701" + b"".join(b"%08X" % n for n in fields) + name)
        self.pad(110 + len(name))
        self.f.write(data)
        self.pad(len(data))

    def pad(self, length):
        self.f.write(b"\0" * (-length % 4))

    def parents(self, path):
        parent = os.path.dirname(path)
        if parent not in self.folders:
            self.folder(parent)

    def folder(self, path, mode=0o755, owner=0):
        self.parents(path)
        self.folders.add(path)
        self.entry(path, stat.S_IFDIR | mode, owner=owner)

    def symlink(self, path, target):
        self.parents(path)
        self.entry(path, stat.S_IFLNK | 0o777, os.fsencode(target))

    def text(self, path, data, mode=0o644):
        self.parents(path)
        self.entry(path, stat.S_IFREG | mode, data)

    def device(self, path, major, minor, mode=0o600):
        self.parents(path)
        self.entry(path, stat.S_IFCHR | mode, rdev=(major, minor))

    def file(self, path, host):
        self.parents(path)
        with open(host, "rb") as f:
            st = os.fstat(f.fileno())
            if st.st_size >= 1 << 32:
                sys.exit(f'run: "{host}" is too large for an initramfs')
            self.entry(path, stat.S_IFREG | stat.S_IMODE(st.st_mode),
                       size=st.st_size, time_=int(st.st_mtime))
            shutil.copyfileobj(f, self.f, 1 << 20)
            self.pad(st.st_size)

    def close(self):
        self.entry("TRAILER!!!", 0)


def fill_base(cpio, init, busybox, applets):
    """What every guest has: folders, busybox, users, the first process."""
    cpio.entry(".", stat.S_IFDIR | 0o755)
    for path in FOLDERS:
        cpio.folder(path, MODES.get(path, 0o755), OWNERS.get(path, 0))
    for name in "bin", "sbin", "lib", "lib64":
        cpio.symlink("/" + name, "usr/" + name)
    cpio.symlink("/var/run", "/run")
    cpio.symlink("/etc/mtab", "/proc/self/mounts")
    cpio.device("/dev/console", 5, 1)
    cpio.device("/dev/null", 1, 3, 0o666)
    cpio.file("/usr/bin/busybox", busybox)
    for applet in applets:
        if applet != "busybox":
            cpio.symlink("/usr/bin/" + applet, "busybox")
    cpio.symlink("/usr/sbin/modprobe", "../bin/busybox")  # the kernel's way
    cpio.text("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"
              b"nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
              b"tenant:x:1000:1000:tenant:/home/tenant:/bin/sh\n")
    cpio.text("/etc/group", b"root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"
              b"tenant:x:1000:\n")
    cpio.text("/etc/hosts", b"127.0.0.1 localhost rescore\n::1 localhost\n")
    cpio.text("/etc/hostname", b"rescore\n")
    cpio.text("/etc/nsswitch.conf", b"passwd: files\ngroup: files\n"
              b"hosts: files\n")
    cpio.text("/etc/shells", b"/bin/sh\n")
    cpio.file("/init", init)
