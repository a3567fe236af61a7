#!/bin/sh
# build-test-image.sh - builds a tiny cloud guest image out of Debian packages only.
#
#   build-test-image.sh [OUTDIR]        (default ./out)
#
# Makes in OUTDIR:
#   tinyguest.qcow2     bootable BIOS disk (MBR, syslinux on FAT p1, ext4 root on p2), compressed
#   tinyguest-kernel, tinyguest-initrd, tinyguest-rootfs.img
#                       the same guest as separate kernel, ramdisk and partition-less root image
# Needs neither root, loop devices nor a network besides apt. Two runs give the same bytes
# (fixed package versions, SOURCE_DATE_EPOCH fixed below).
#
# Run apt-get update once before. Build-time packages: mtools dosfstools syslinux syslinux-common e2fsprogs cpio fdisk kmod binutils qemu-utils
#                      (and apt, dpkg); guest contents are downloaded with apt-get download.
# Environment: CACHE     where downloaded .debs are kept (default OUTDIR/cache)
#              WITH_QGA=1  adds qemu-guest-agent (about 2 MB more)
#              DISK_MB   virtual size of the disk (default 64)
set -eu
umask 022
export LC_ALL=C TZ=UTC
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1700000000}
export E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH
PATH=$PATH:/usr/sbin:/sbin
OUT=${1:-out}; mkdir -p "$OUT"; OUT=$(cd "$OUT" && pwd)
CACHE=${CACHE:-$OUT/cache}; mkdir -p "$CACHE"
DISK_MB=${DISK_MB:-64}; BOOT_MB=20
WITH_QGA=${WITH_QGA:-0}
W=$(mktemp -d); trap 'rm -rf "$W"' EXIT INT TERM
R=$W/root; I=$W/initrd; X=$W/x
mkdir -p "$R" "$I" "$X"

# ---- 1. packages -----------------------------------------------------------------------------
KPKG=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/{print $2; exit}')
[ -n "$KPKG" ] || { echo "apt knows no linux-image-cloud-amd64: run apt-get update" >&2; exit 1; }
PKGS="$KPKG busybox-static dropbear-bin libtomcrypt1 libtommath1 zlib1g libcrypt1 libc6 libgmp10
      e2fsprogs libext2fs2 libcom-err2 libblkid1 libuuid1"
[ "$WITH_QGA" = 1 ] && PKGS="$PKGS qemu-guest-agent libglib2.0-0 libpcre2-8-0 libudev1 liburing2 libnuma1"
for p in $PKGS; do
    ls "$CACHE/${p}"_*.deb >/dev/null 2>&1 || (cd "$CACHE" && apt-get -q -o APT::Sandbox::User=root download "$p")
    dpkg-deb -x "$(ls "$CACHE/${p}"_*.deb | tail -n 1)" "$X"
done
KVER=${KPKG#linux-image-}
MODDIR=$X/lib/modules/$KVER/kernel
BB=$X/bin/busybox

# ---- 2. root file system ---------------------------------------------------------------------
cd "$R"
mkdir -p bin sbin usr/bin usr/sbin lib64 lib/x86_64-linux-gnu lib/modules etc/dropbear etc/acpi/PWRF \
         proc sys dev run tmp root/.ssh home/tiny/.ssh var/log var/lib/tiny mnt
chmod 1777 tmp; chmod 700 root root/.ssh home/tiny/.ssh
cp "$BB" bin/busybox
for a in $("$BB" --list); do
    case $a in busybox) ;; init|poweroff|reboot|halt|getty|udhcpc|acpid|ip|mdev|insmod) ln -s ../bin/busybox sbin/$a ;;
    *) ln -s busybox bin/$a ;; esac
done
ln -s ../bin/busybox sbin/sh
cp "$X/usr/sbin/dropbear" "$X/sbin/resize2fs" sbin/
cp "$X/usr/bin/dropbearkey" usr/bin/
[ "$WITH_QGA" = 1 ] && cp "$X/usr/sbin/qemu-ga" sbin/
need() {   # copies the shared libraries that a binary needs, found in the unpacked packages
    objs=$(LD_LIBRARY_PATH="$X/lib/x86_64-linux-gnu:$X/usr/lib/x86_64-linux-gnu" ldd "$1" | awk '/=>/{print $1}')
    for l in $objs; do
        f=$(ls "$X/lib/x86_64-linux-gnu/$l" "$X/usr/lib/x86_64-linux-gnu/$l" 2>/dev/null | head -n 1)
        [ -n "$f" ] || { echo "library $l of $1 is in no unpacked package" >&2; exit 1; }
        [ -e "lib/x86_64-linux-gnu/$l" ] || cp -L "$f" "lib/x86_64-linux-gnu/$l"
    done
}
need sbin/dropbear; need sbin/resize2fs
[ "$WITH_QGA" = 1 ] && need sbin/qemu-ga
cp -L "$X/lib64/ld-linux-x86-64.so.2" lib64/

# kernel modules; PCI hot-plug (acpiphp, pciehp), ext4, ttyS and nvme are built in
M0="virtio_pci virtio_blk"; MS="virtio_scsi sd_mod"
M1="virtio-rng virtio_net button evdev virtio_console"
M2="virtio_balloon sr_mod isofs ata_piix nls_cp437 nls_ascii nls_utf8 vfat"
addmod() {   # addmod DIR NAME: copies a module after those it depends on, appends to the load order
    f=$(find "$MODDIR" -name "$2.ko" -o -name "$(echo "$2" | tr _ -).ko" | head -n 1)
    [ -n "$f" ] || { echo "no module $2" >&2; return 0; }
    for dep in $(modinfo -F depends "$f" | tr ',' ' '); do (addmod "$1" "$dep"); done
    grep -qx "${f##*/}" "$1/lib/modules/order" && return 0
    # without its signature a module loads several times faster (no RSA under emulation; the kernel does not enforce it)
    strip --strip-debug -o "$1/lib/modules/${f##*/}" "$f"; echo "${f##*/}" >> "$1/lib/modules/order"
}
addmods() {   # addmods DIR NAME...
    d=$1; shift; mkdir -p "$d/lib/modules"; : > "$d/lib/modules/order"
    for m in "$@"; do addmod "$d" "$m"; done
}
addmods "$R" $M1; mv "$R/lib/modules/order" "$R/lib/modules/order.net"
addmods "$R" $M2
addmods "$I" $MS; mv "$I/lib/modules/order" "$I/lib/modules/order.scsi"
addmods "$I" $M0

cat > etc/passwd <<'E'
root:x:0:0:root:/root:/bin/sh
tiny:x:1000:1000:test user:/home/tiny:/bin/sh
E
printf 'root:x:0:\ntiny:x:1000:\n' > etc/group
# the console password of user tiny is "tiny"; root has none (locked)
printf 'root:*:19000:0:99999:7:::\ntiny:%s:19000:0:99999:7:::\n' "$("$BB" mkpasswd -m sha512 -S tinyguest0 tiny)" > etc/shadow
chmod 600 etc/shadow
printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n' > etc/nsswitch.conf
printf '127.0.0.1 localhost\n' > etc/hosts
echo tinyguest > etc/hostname
printf '/bin/sh\n' > etc/shells
printf 'tinyguest on \\l\n' > etc/issue
cat > etc/inittab <<'E'
::sysinit:/etc/rcS
::once:/etc/rc.cloud
::respawn:/sbin/acpid -f -l /dev/null
ttyS0::respawn:/sbin/getty -L ttyS0 115200 vt100
tty1::respawn:/sbin/getty 38400 tty1
::ctrlaltdel:/sbin/reboot
::shutdown:/etc/rc.stop
E
cat > etc/rcS <<'E'
#!/bin/sh
# early boot: modules, pseudo file systems, hot-plug and power button
export PATH=/sbin:/bin:/usr/sbin:/usr/bin
if [ -n "$container" ]; then        # the same root under libvirt's LXC driver, which made /proc, /sys and /dev
    mount -t tmpfs -o mode=755 run /run; : > /run/modules.done
    hostname -F /etc/hostname 2>/dev/null; ip link set lo up
    exit 0
fi
mount -t proc proc /proc 2>/dev/null; mount -t sysfs sysfs /sys 2>/dev/null
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts; mount -t devpts devpts /dev/pts; mount -t tmpfs -o mode=755 run /run
mount -o remount,rw /
# what the network needs first; the rest (CD drives, file systems) meanwhile in the background
mods() { while read m; do insmod /lib/modules/$m 2>/dev/null; done < "$1"; }
mods /lib/modules/order.net
{ mods /lib/modules/order; : > /run/modules.done; } &
hostname -F /etc/hostname
ip link set lo up
uevent /etc/hotplug </dev/null >/dev/null 2>&1 &
[ -e /sbin/qemu-ga ] && for i in /sys/class/virtio-ports/*/name; do
    # the guest agent, where the domain has its channel
    [ "$(cat $i 2>/dev/null)" = org.qemu.guest_agent.0 ] || continue
    p=/dev/$(basename $(dirname $i)); mkdir -p /var/run; qemu-ga -d -m virtio-serial -p $p -t /run
done
ROOT=$(awk '$2=="/" && $1 ~ /^\/dev/ {print $1}' /proc/mounts | tail -n 1)
[ -b "$ROOT" ] && resize2fs "$ROOT" >/dev/null 2>&1 &
exit 0
E
cat > etc/rc.stop <<'E'
#!/bin/sh
echo "TINY: stopping" > /dev/console
killall dropbear 2>/dev/null; sync; swapoff -a 2>/dev/null; umount -a -r 2>/dev/null
E
cat > etc/acpi/PWRF/00000080 <<'E'
#!/bin/sh
echo "TINY: power button" > /dev/console
exec poweroff
E
cat > etc/acpid.conf <<'E'
PWRF PWRF/00000080
PWRB PWRF/00000080
E
cat > etc/hotplug <<'E'
#!/bin/sh
# run by busybox uevent for every kernel event
case "$SUBSYSTEM:$ACTION" in
    block:add|block:remove|block:change) [ "$DEVTYPE" = disk ] || exit 0
        case $DEVNAME in loop*|ram*) exit 0;; esac
        echo "TINY: block $ACTION $DEVNAME sectors=$(cat /sys/block/$DEVNAME/size 2>/dev/null)" > /dev/console ;;
    net:add) case $INTERFACE in eth*) echo "TINY: net add $INTERFACE" > /dev/console; /etc/ifup "$INTERFACE" & ;; esac ;;
    net:remove) echo "TINY: net remove $INTERFACE" > /dev/console
        kill "$(cat /run/udhcpc.$INTERFACE.pid 2>/dev/null)" 2>/dev/null
        rmdir /run/ifup.$INTERFACE; rm -f /run/bound.$INTERFACE ;;
esac
E
cat > etc/ifup <<'E'
#!/bin/sh
# one DHCP client for each interface; it stays and renews
i=$1
mkdir "/run/ifup.$i" 2>/dev/null || exit 0      # one client only, whoever comes first
ip link set "$i" up
exec udhcpc -i "$i" -p /run/udhcpc.$i.pid -s /etc/udhcpc -S -b -t 8 -T 1 -A 3 -R \
     -x hostname:"$(hostname)" -O 121 -O 26 -O 3 -O 6 -O 12 -O 15 >/dev/null 2>&1
E
cat > etc/udhcpc <<'E'
#!/bin/sh
case "$1" in
deconfig) ip link set "$interface" up; ip -4 addr flush dev "$interface" ;;
bound|renew)
    [ -n "$mtu" ] && ip link set "$interface" mtu "$mtu"
    ip -4 addr replace "$ip/$mask" brd + dev "$interface"
    n=${interface#eth}
    if [ -n "$staticroutes" ]; then      # option 121 overrides the router option (RFC 3442)
        set -- $staticroutes
        while [ $# -ge 2 ]; do
            if [ "$2" = 0.0.0.0 ]; then ip route replace "$1" dev "$interface" metric "$((100+n))"
            else ip route replace "$1" via "$2" dev "$interface" metric "$((100+n))"; fi
            shift 2
        done
    else
        for r in $router; do ip route replace default via "$r" dev "$interface" metric "$((100+n))"; break; done
    fi
    if [ -n "$dns" ]; then
        { [ -n "$domain" ] && echo "search $domain"; for d in $dns; do echo "nameserver $d"; done; } > /etc/resolv.conf
    fi
    echo "TINY: $interface ip=$ip/$mask router=$router mtu=$mtu" > /dev/console
    : > /run/bound.$interface ;;
esac
E
cat > etc/rc.cloud <<'E'
#!/bin/sh
# what a cloud guest does once at each boot: network, metadata, key, hostname, user data, ssh
export PATH=/sbin:/bin:/usr/sbin:/usr/bin
say() { echo "TINY: $*" > /dev/console; }
up() { cut -d' ' -f1 /proc/uptime; }
say "boot uptime=$(up) kernel=$(uname -r) mem=$(awk '/MemTotal/{print $2}' /proc/meminfo)kB root=$(df -k / | awk 'NR==2{print $2}')kB"
sshd() { dropbear -R -E -P /run/dropbear.pid 2>/dev/null; }
sshd
for i in /sys/class/net/eth*; do [ -e "$i" ] && /etc/ifup "${i##*/}" & done
S=/var/lib/tiny; mkdir -p $S; MD=/run/md; mkdir -p $MD
str() { tr -d '\n' < "$1" | sed -n "s/.*\"$2\"[ ]*:[ ]*\"\(\([^\"\\\\]\|\\\\.\)*\)\".*/\1/p"; }   # str FILE KEY: a JSON string
# 1. config drive: a virtio disk, a SCSI disk or an IDE CD. (Debian's cloud kernel has no ahci and no usb-storage:
#    a CD drive of a q35 machine on SATA is never seen.)
SRC=none; n=0
while [ ! -e /run/modules.done ] && [ $n -lt 100 ]; do n=$((n+1)); usleep 50000; done
CD=$(findfs LABEL=config-2 2>/dev/null || findfs LABEL=CONFIG-2 2>/dev/null)
if [ -n "$CD" ]; then
    mkdir -p /mnt/cd
    if mount -o ro "$CD" /mnt/cd 2>/dev/null || mount -t vfat -o ro "$CD" /mnt/cd || mount -t iso9660 -o ro "$CD" /mnt/cd; then
        cp /mnt/cd/openstack/latest/* $MD/ 2>/dev/null && SRC=config-drive
        umount /mnt/cd
    fi
fi
# 2. metadata service (no wget -T: in Debian 12's busybox-static it crashes when the request fails)
if [ $SRC = none ]; then
    n=0
    while [ $n -lt 100 ] && ! ls /run/bound.* >/dev/null 2>&1; do n=$((n+1)); usleep 200000; done
    ls /run/bound.* >/dev/null 2>&1 || say "no address after $(up) s"
    B=http://169.254.169.254; n=0
    while [ $n -lt "${MD_TRIES:-10}" ] && ls /run/bound.* >/dev/null 2>&1; do
        if timeout 5 wget -q -O $MD/meta_data.json $B/openstack/latest/meta_data.json; then
            SRC=openstack; timeout 10 wget -q -O $MD/user_data $B/openstack/latest/user_data 2>/dev/null || rm -f $MD/user_data; break
        elif timeout 5 wget -q -O $MD/instance-id $B/latest/meta-data/instance-id; then
            SRC=ec2
            timeout 5 wget -q -O $MD/hostname $B/latest/meta-data/hostname
            timeout 5 wget -q -O $MD/keys $B/latest/meta-data/public-keys/0/openssh-key
            timeout 10 wget -q -O $MD/user_data $B/latest/user-data || rm -f $MD/user_data
            break
        fi
        n=$((n+1)); sleep 1
    done
fi
ID= ; HN= ; PW=
if [ -s $MD/meta_data.json ]; then
    ID=$(str $MD/meta_data.json uuid); HN=$(str $MD/meta_data.json hostname); PW=$(str $MD/meta_data.json admin_pass)
    grep -o '"\(ssh-[a-z0-9-]*\|ecdsa-[a-z0-9-]*\|sk-[^ "]*\) [^"]*"' $MD/meta_data.json | tr -d '"' | sed 's/\\n$//' | sort -u > $MD/keys
else
    [ -s $MD/instance-id ] && ID=$(cat $MD/instance-id); [ -s $MD/hostname ] && HN=$(cat $MD/hostname)
fi
say "metadata source=$SRC instance=$ID"
if [ -n "$HN" ]; then
    echo "${HN%%.*}" > /etc/hostname; hostname -F /etc/hostname
    printf '127.0.0.1 localhost\n127.0.1.1 %s %s\n' "$HN" "${HN%%.*}" > /etc/hosts
fi
say "hostname=$(hostname)"
if [ -s $MD/keys ]; then
    for h in /root /home/tiny; do mkdir -p $h/.ssh; k=$h/.ssh/authorized_keys; cp $MD/keys $k.new; chmod 600 $k.new; mv $k.new $k; done
    chown -R 1000:1000 /home/tiny; say "ssh keys=$(wc -l < $MD/keys)"
fi
FIRST=1; [ -n "$ID" ] && [ "$(cat $S/instance 2>/dev/null)" = "$ID" ] && FIRST=0
if [ $FIRST = 1 ]; then
    [ -n "$PW" ] && for u in root tiny; do h=$(mkpasswd -m md5 "$PW"); sed -i "s|^$u:[^:]*:|$u:$h:|" /etc/shadow; done
    rm -f /etc/dropbear/*_key       # a clone of a snapshot gets host keys of its own
    if [ -s $MD/user_data ]; then
        case $(head -c 2 $MD/user_data | xxd -p) in 1f8b) gunzip -c < $MD/user_data > $MD/ud && mv $MD/ud $MD/user_data;; esac
        if [ "$(head -c 2 $MD/user_data)" = '#!' ]; then
            chmod 700 $MD/user_data; $MD/user_data > /dev/console 2>&1; say "user-data exit=$?"
        else say "user-data not a script, $(wc -c < $MD/user_data) bytes"; fi
    fi
    [ -n "$ID" ] && echo "$ID" > $S/instance
fi
for d in /sys/block/[vs]d*; do d=/dev/${d##*/}     # busybox blkid does not know swap
    [ "$(dd if=$d bs=1 skip=4086 count=10 2>/dev/null)" = SWAPSPACE2 ] && swapon $d && say "swap on $d"
done
E=$(findfs LABEL=ephemeral0 2>/dev/null) && [ -n "$E" ] && mount "$E" /mnt && say "ephemeral0 on /mnt"
[ "$SRC" = config-drive ] && { n=0; while [ $n -lt 50 ] && ! ls /run/bound.* >/dev/null 2>&1; do n=$((n+1)); usleep 200000; done; }
sync
say "ready uptime=$(up) first=$FIRST"
E
cat > usr/sbin/chpasswd <<'E'
#!/bin/sh
# for qemu-ga's guest-set-user-password: reads user:password lines, -e when they are hashes
while IFS=: read -r u p; do
    [ "$1" = -e ] || p=$(mkpasswd -m md5 "$p")
    grep -q "^$u:" /etc/shadow || exit 1
    sed -i "s|^$u:[^:]*:|$u:$p:|" /etc/shadow
done
E
chmod 755 usr/sbin/chpasswd etc/rcS etc/rc.cloud etc/rc.stop etc/hotplug etc/ifup etc/udhcpc etc/acpi/PWRF/00000080
ln -s ../proc/mounts etc/mtab; ln -s ../run var/run

# ---- 3. initramfs: finds the root disk, grows its partition, switches to it -------------------
cd "$I"
mkdir -p bin dev proc sys new
cp "$BB" bin/busybox
cat > init <<'E'
#!/bin/busybox sh
bb=/bin/busybox
$bb mount -t proc proc /proc; $bb mount -t sysfs sysfs /sys; $bb mount -t devtmpfs dev /dev
mods() { while read m; do $bb insmod /lib/modules/$m 2>/dev/null; done < $1; }
mods /lib/modules/order
$bb grep -q 0x0008 /sys/bus/virtio/devices/*/device && mods /lib/modules/order.scsi     # a virtio-scsi controller
n=0
while [ $n -lt 200 ]; do R=$($bb findfs LABEL=tinyroot 2>/dev/null); [ -n "$R" ] && break; n=$((n+1)); $bb usleep 50000; done
[ -n "$R" ] || { echo "TINY: no root disk"; exec $bb sh; }
case $R in *[a-z]2)       # second (last) partition: make it reach the end of the disk
    D=${R%2}; s=$($bb cat /sys/block/${D##*/}/size); a=$($bb cat /sys/block/${D##*/}/${R##*/}/start)
    z=$($bb cat /sys/block/${D##*/}/${R##*/}/size); w=$((s-a))
    if [ $w -gt $((z+2048)) ]; then
        $bb printf "$($bb printf '\\x%02x\\x%02x\\x%02x\\x%02x' $((w&255)) $((w>>8&255)) $((w>>16&255)) $((w>>24&255)))" |
            $bb dd of=$D bs=1 seek=474 conv=notrunc 2>/dev/null
        $bb sync; $bb blockdev --rereadpt $D; n=0
        while [ ! -b $R ] && [ $n -lt 20 ]; do n=$((n+1)); $bb usleep 50000; done
    fi ;;
esac
$bb mount -t ext4 -o rw $R /new || { echo "TINY: cannot mount $R"; exec $bb sh; }
$bb mount --move /dev /new/dev; $bb mount --move /proc /new/proc; $bb mount --move /sys /new/sys
exec $bb switch_root /new /sbin/init
E
chmod 755 init

# ---- 4. put it together ----------------------------------------------------------------------
find "$R" "$I" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
(cd "$I" && find . | sort | cpio -o -H newc --reproducible -R 0:0 --quiet) | gzip -9n > "$OUT/tinyguest-initrd"
cp "$X/boot/vmlinuz-$KVER" "$OUT/tinyguest-kernel"

ROOT_MB=$((DISK_MB - BOOT_MB - 1))
rm -f "$OUT/tinyguest-rootfs.img"
truncate -s ${ROOT_MB}M "$OUT/tinyguest-rootfs.img"
# ^resize_inode off would stop growth; 64bit/metadata_csum are fine. -E resize leaves room for 128 GiB online growth
mke2fs -q -F -t ext4 -b 4096 -L tinyroot -U 74696e79-6775-4573-a074-726f6f740001 -m 0 -J size=4 \
    -E hash_seed=74696e79-6775-4573-a074-726f6f740002,root_owner=0:0,lazy_itable_init=1,resize=33554432 \
    -d "$R" "$OUT/tinyguest-rootfs.img"
# mke2fs -d copies owner and ctime of the build tree: set both to fixed values
(cd "$R" && find . | sort | sed 's/^\.//; s/^$/\//') | while read -r f; do
    case $f in /home/tiny*) o=1000 ;; *) o=0 ;; esac
    for k in ctime atime crtime; do echo "sif $f $k @$SOURCE_DATE_EPOCH"; done
    echo "sif $f uid $o"; echo "sif $f gid $o"
done > "$W/fix"
for k in ctime atime crtime mtime; do echo "sif /lost+found $k @$SOURCE_DATE_EPOCH"; done >> "$W/fix"
debugfs -w -f "$W/fix" "$OUT/tinyguest-rootfs.img" > "$W/fix.log" 2>&1 || { cat "$W/fix.log"; exit 1; }

# FAT boot partition with syslinux, written without mounting
F=$W/boot.img; truncate -s ${BOOT_MB}M "$F"
mkfs.vfat -n TINYBOOT -i 54494e59 --invariant "$F" > /dev/null
cat > "$W/syslinux.cfg" <<'E'
DEFAULT tiny
PROMPT 0
TIMEOUT 0
LABEL tiny
 LINUX /vmlinuz
 INITRD /initrd.gz
 APPEND console=tty0 console=ttyS0,115200 quiet loglevel=3 mitigations=off no_timer_check panic=10
E
cp "$OUT/tinyguest-kernel" "$W/vmlinuz"; cp "$OUT/tinyguest-initrd" "$W/initrd.gz"
touch -d "@$SOURCE_DATE_EPOCH" "$W/vmlinuz" "$W/initrd.gz" "$W/syslinux.cfg"
mcopy -m -i "$F" "$W/vmlinuz" "$W/initrd.gz" "$W/syslinux.cfg" ::/
syslinux --install "$F"

D=$W/disk.raw; truncate -s ${DISK_MB}M "$D"
printf 'label: dos\nlabel-id: 0x74696e79\nstart=2048,size=%s,type=e,bootable\nstart=%s,type=83\n' \
    $((BOOT_MB*2048)) $((BOOT_MB*2048+2048)) | sfdisk -q "$D"
dd if=/usr/lib/syslinux/mbr/mbr.bin of="$D" bs=440 count=1 conv=notrunc status=none
dd if="$F" of="$D" bs=1M seek=1 conv=notrunc,sparse status=none
dd if="$OUT/tinyguest-rootfs.img" of="$D" bs=1M seek=$((BOOT_MB+1)) conv=notrunc,sparse status=none
qemu-img convert -q -c -f raw -O qcow2 "$D" "$OUT/tinyguest.qcow2"
cd "$OUT" && ls -l tinyguest* && sha256sum tinyguest*
