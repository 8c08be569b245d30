"""The nodes of the lab, as the hypervisor of a guest sees them.

The process that imports this is in the lab's PID namespace. A node is on from its process 1's start
(/run/lab/NODE/on) and can be entered after its boot (/run/lab/NODE/pid), see power.sh.
"""
import os
import signal

from eventlet.green import select, subprocess    # while one waits, others continue

LAB = '/run/lab'


def all_names():
    with open(f'{LAB}/ctl/nodes') as file:
        return file.read().split()


def live_pid(file):
    """The pid in this file, if that process lives: see live.sh."""
    try:
        with open(file) as text:
            pid, namespace = text.read().split()
        is_live = namespace_of(pid) == namespace and state_of(pid) != 'Z'
        return int(pid) if is_live else None
    except (OSError, ValueError):
        return None


class Guest:
    def __init__(self, name):
        self.name = name

    def is_on(self):
        return live_pid(f'{LAB}/{self.name}/on') is not None

    def switch(self, action):
        """Asks the power switch of the lab. True if it is done."""
        return subprocess.Popen(['/usr/lib/lab/fence_lab', '-o', action, '-n', self.name],
                                env={**os.environ, 'LAB_CTL': f'{LAB}/ctl'}).wait() == 0

    def press_button(self, seconds):
        """Presses the ACPI button. True if the guest has stopped its software within this time.

        The software of a node is its cluster's: it moves the resources away. A guest that hangs or has
        crashed does not react.
        """
        pid = live_pid(f'{LAB}/{self.name}/pid')
        if pid is None:
            return not self.is_on()
        stop = subprocess.Popen([*enter(pid), 'systemctl', 'stop', 'corosync'])
        try:
            return stop.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            stop.kill()
            return False

    def after_end(self, call):
        """Calls this when the process 1 that is there now has ended."""
        pid = live_pid(f'{LAB}/{self.name}/on')
        if pid is None:
            return
        try:
            process = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            select.select([process], [], [])
        finally:
            os.close(process)
        call()

    def is_paused(self):
        pid = live_pid(f'{LAB}/{self.name}/on')
        return pid is not None and state_of(pid) == 'T'

    def pause(self):
        """Stops all processes, also those that are being forked."""
        stopped = set()
        while running := set(self._processes()) - stopped:
            send(signal.SIGSTOP, running)
            stopped |= running

    def unpause(self):
        send(signal.SIGCONT, self._processes())

    def attach(self, volume, file, device):
        """Shows this file as a block device of the node, by the names that virtio gives it."""
        holder = subprocess.Popen(
            ['setsid', '--fork', 'python3', '/usr/lib/lab-openstack/service/hold_volume.py', file, holder_of(volume)],
            stdout=subprocess.PIPE, text=True)
        minor = int(holder.stdout.readline())
        holder.wait()
        self._in_node(f'rm -f {device} && mknod -m 660 {device} b 7 {minor} && mkdir -p /dev/disk/by-id && '
                      f'ln -sf {device} {link_of(volume)}')

    def detach(self, volume, device):
        self._in_node(f'rm -f {device} {link_of(volume)}')
        holder = live_pid(holder_of(volume))
        if holder:
            os.kill(holder, signal.SIGKILL)

    def _in_node(self, line):
        pid = live_pid(f'{LAB}/{self.name}/pid')
        return pid is not None and subprocess.Popen([*enter(pid), 'sh', '-c', line]).wait() == 0

    def _processes(self):
        first = live_pid(f'{LAB}/{self.name}/on')
        if first is None:
            return []
        namespace = os.readlink(f'/proc/{first}/ns/pid')
        return [int(pid) for pid in os.listdir('/proc') if pid.isdigit() and namespace_of(pid) == namespace]


def enter(pid):
    return ['nsenter', '--target', str(pid), '--mount', '--uts', '--ipc', '--net', '--pid', '--']


def holder_of(volume):
    return f'/run/volume-{volume}.pid'


def link_of(volume):
    return f'/dev/disk/by-id/virtio-{volume[:20]}'


def namespace_of(pid):
    try:
        return os.readlink(f'/proc/{pid}/ns/pid')
    except OSError:
        return None


def state_of(pid):
    try:
        with open(f'/proc/{pid}/stat') as text:
            return text.read().rpartition(') ')[2][0]
    except OSError:
        return None


def send(number, processes):
    for pid in processes:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
