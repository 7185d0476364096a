"""What auditd writes."""

OPEN = [
    b"type=SYSCALL msg=audit(1772435500.120:24287): arch=c000003e syscall=257 success=no exit=-13 ppid=2686 pid=3538 auid=1000 uid=1000 "
    b'gid=1000 euid=1000 tty=pts0 ses=1 comm="cat" exe="/bin/cat" key="secrets"\x1dARCH=x86_64 SYSCALL=openat AUID="alice" UID="alice"',
    b'type=CWD msg=audit(1772435500.120:24287): cwd="/home/alice"',
    b'type=PATH msg=audit(1772435500.120:24287): item=0 name="/etc/" inode=1 nametype=PARENT',
    b'type=PATH msg=audit(1772435500.120:24287): item=1 name="/etc/shadow" inode=409248 mode=0100640 ouid=0 nametype=NORMAL',
    b"type=PROCTITLE msg=audit(1772435500.120:24287): proctitle=636174002F6574632F736861646F77",
]
END = b"type=EOE msg=audit(1772435500.120:24287): "
LOGIN = (
    b"type=USER_LOGIN msg=audit(1772435501.990:24288): pid=3540 uid=0 auid=4294967295 ses=4294967295 "
    b'msg=\'op=login acct="alice" exe="/usr/sbin/sshd" hostname=? addr=198.51.100.7 terminal=ssh res=failed\'\x1dUID="root" AUID="unset"'
)
