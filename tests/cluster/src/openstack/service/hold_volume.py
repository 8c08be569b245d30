"""hold_volume.py FILE PIDFILE: a block device with the content of this file.

Prints the minor number of the device.

Loop devices belong to the machine. The kernel frees this one when its last user closes it. That is this
process, which ends with the lab, or a node that has it mounted.
"""
import errno
import fcntl
import os
import signal
import struct
import sys

LOOP_MAJOR = 7
LOOP_CTL_GET_FREE = 0x4C82
LOOP_CONFIGURE = 0x4C0A
LO_FLAGS_AUTOCLEAR = 4


def open_device(number):
    node = f'/run/loop-{os.getpid()}'
    os.mknod(node, 0o600 | 0o060000, os.makedev(LOOP_MAJOR, number))
    try:
        return os.open(node, os.O_RDWR)
    finally:
        os.unlink(node)


def attach(file):
    """Others take free devices, too: the first one that is still free when it is configured."""
    control = os.open('/dev/loop-control', os.O_RDWR)
    while True:
        number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
        device = open_device(number)
        # struct loop_config: file, block size, loop_info64 with its flags at byte 52, reserved.
        config = bytearray(4 + 4 + 232 + 64)
        struct.pack_into('=II', config, 0, file, 0)
        struct.pack_into('=I', config, 8 + 52, LO_FLAGS_AUTOCLEAR)
        try:
            fcntl.ioctl(device, LOOP_CONFIGURE, bytes(config))
            return number
        except OSError as error:
            os.close(device)
            if error.errno != errno.EBUSY:
                raise


with open(sys.argv[2], 'w') as pid_file:
    pid_file.write(f"{os.getpid()} {os.readlink('/proc/self/ns/pid')}\n")
print(attach(os.open(sys.argv[1], os.O_RDWR)), flush=True)
signal.pause()
