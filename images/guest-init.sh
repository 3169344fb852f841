#!/bin/busybox sh
# The first program of a guest: mounts what a program expects, loads the modules, runs the scripts
# of the manifest, then the command that it was started for, and powers off.
#
#   /etc/bootharness/modules   the modules' paths, in the order of loading
#   /etc/bootharness/run/      the scripts of `autorun`
#   /etc/bootharness/command   the command, which is run with its standard output and error as they
#                              are; without one there is a shell on the console
#   /etc/bootharness/token     what is in the lines before and behind the command's output, so that
#                              no other line is taken for them
#   /etc/bootharness/shares    of each folder of the host its tag, 9p or virtiofs, ro or rw, and
#                              where it belongs
#   /etc/bootharness/network   of each card its address, the guest's and that of its gateway
#   /etc/bootharness/name      what it is called, and hosts, what others are
#   /etc/bootharness/agent     where there is one the guest does what it is told to on the console
#                              (guests/guest.py), and this is the token of the line that says so
#   /etc/bootharness/terminal  rows and columns of the person's terminal

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root

/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev 2>/dev/null
/bin/busybox mkdir -p /bin /sbin /usr/bin /usr/sbin
/bin/busybox --install -s /bin
echo "bootharness: init reached"

own=/etc/bootharness
if [ -e $own/modules ]; then
    while read -r module; do
        insmod "$module" || echo "bootharness: $module was not loaded"
    done <$own/modules
fi
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts 2>/dev/null
ip link set lo up 2>/dev/null

[ -e $own/name ] && hostname "$(cat $own/name)"
[ -e $own/hosts ] && cp $own/hosts /etc/hosts
if [ -e $own/network ]; then
    while read -r mac address gateway; do
        for card in /sys/class/net/*; do
            [ "$(cat $card/address)" = "$mac" ] || continue
            ip link set "${card##*/}" up
            ip address add "$address" dev "${card##*/}"
            [ -z "$gateway" ] || ip route add default via "$gateway"
            mac=
        done
        [ -z "$mac" ] || echo "bootharness: there is no network card $mac"
    done <$own/network
fi
if [ -e $own/shares ]; then
    while read -r tag type how where; do
        mkdir -p "$where"
        [ "$type" != 9p ] || how=$how,trans=virtio,version=9p2000.L,msize=262144
        mount -t "$type" -o "$how" "$tag" "$where" ||
            echo "bootharness: $where was not mounted"
    done <$own/shares
fi

for script in $own/run/*; do
    [ -e "$script" ] || continue
    "$script" || echo "bootharness: ${script##*/} ended with $?"
done

answer() {  # TOKEN COMMAND: run a command, with what it writes between two lines of its token
    token=$1
    shift
    printf '\nbootharness: begin %s\n' "$token"
    "$@"
    printf '\r\nbootharness: exit %s %s\n' "$token" $?
}
add() { echo "$1" | base64 -d >>$own/sent; }
put() {
    where=$(echo "$1" | base64 -d)
    mkdir -p "$(dirname "$where")" && mv $own/sent "$where"
}
run() {
    mv $own/sent $own/command
    setsid sh $own/command </dev/null 2>&1
}

if [ -e $own/agent ]; then
    echo 1 >/proc/sys/kernel/printk
    stty raw -echo
    printf '\nbootharness: ready %s\n' "$(cat $own/agent)"
    # not in the first process: that has the children of all others, and a child that ends makes
    # its shell forget what it has read of a line
    (
        while read -r word token rest; do
            case $word in
                add | put | run) answer "$token" "$word" "$rest" ;;
            esac
        done
    )
elif [ -e $own/command ]; then
    echo 1 >/proc/sys/kernel/printk
    stty -opost
    answer "$(cat $own/token)" setsid sh $own/command
    stty opost
else
    [ -e $own/terminal ] && stty $(cat $own/terminal)
    setsid -c sh
fi
sync
poweroff -f
