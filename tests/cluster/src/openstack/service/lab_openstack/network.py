"""Neutron without agents: this driver is their part of the lab's network.

Each port is bound at once. A node sends from the addresses of its port only: its fixed addresses and its
allowed address pairs, unless port security is off. A floating IP is translated at the router, which is
this host: 10.99.0.254 for the nodes, and 203.0.113.1 for the network outside.

All rules are written anew after each change. They outlive this process, as do those of the agents.
"""
import subprocess

from neutron_lib import constants
from neutron_lib.callbacks import events, registry, resources
from neutron_lib.plugins import constants as plugins, directory
from neutron_lib.plugins.ml2 import api
from oslo_log import log

LOG = log.getLogger(__name__)

# The nodes' bridge is in the namespace of the lab's process 1.
IN_LAB = ['nsenter', '--target', '1', '--net', '--']
OUTSIDE = 'public'


class LabMechanism(api.MechanismDriver):
    def initialize(self):
        for event in (events.AFTER_CREATE, events.AFTER_UPDATE, events.AFTER_DELETE):
            registry.subscribe(self.floating_ip_changed, resources.FLOATING_IP, event)

    def bind_port(self, context):
        for segment in context.segments_to_bind:
            context.set_binding(segment[api.ID], 'ovs', {'port_filter': True},
                                status=constants.PORT_STATUS_ACTIVE)
            return

    def create_port_postcommit(self, context):
        filter_ports(context)

    def update_port_postcommit(self, context):
        filter_ports(context)

    def delete_port_postcommit(self, context):
        filter_ports(context)

    @staticmethod
    def floating_ip_changed(resource, event, trigger, payload=None):
        context = payload.context.elevated()
        router = directory.get_plugin(plugins.L3)
        translate([(ip['floating_ip_address'], ip['fixed_ip_address'])
                   for ip in router.get_floatingips(context) if ip['fixed_ip_address']])
        if event != events.AFTER_DELETE:
            # An L3 agent reports this.
            ip = payload.latest_state if payload.states else {}
            router.update_floatingip_status(context, payload.resource_id, 'ACTIVE' if ip.get('port_id') else 'DOWN')


def filter_ports(context):
    ports = directory.get_plugin().get_ports(context._plugin_context.elevated())
    apply(port_rules(ports), IN_LAB)


def port_rules(ports):
    """The ruleset of the nodes' bridge."""
    lines = ['table bridge openstack', 'delete table bridge openstack', 'table bridge openstack {']
    jumps = []
    for port in ports:
        interface = interface_of(port)
        if not interface or not port.get('port_security_enabled', True):
            continue
        addresses = {ip['ip_address'] for ip in port['fixed_ips']}
        addresses |= {pair['ip_address'] for pair in port.get('allowed_address_pairs', [])}
        allowed = ', '.join(sorted(address for address in addresses if ':' not in address))
        jumps.append(f'iifname "{interface}" jump {interface}')
        lines += [f'chain {interface} {{', f'ip saddr != {{ {allowed} }} drop', f'arp saddr ip != {{ {allowed} }} drop', '}']
    lines += ['chain ports {', 'type filter hook prerouting priority 0; policy accept', *jumps, '}', '}']
    return '\n'.join(lines) + '\n'


def interface_of(port):
    """The end of a node's cable, see power.sh: the number of a node is the last of its hardware address."""
    prefix, _, number = port['mac_address'].rpartition(':1')
    return f'v{"n" + number}' if prefix == '02:00:00:00:00' else None


def translate(pairs):
    """Gives the floating addresses to the router, and translates each into a fixed one and back."""
    to_fixed = [f'ip daddr {floating} dnat to {fixed}' for floating, fixed in pairs]
    to_floating = [f'ip saddr {fixed} oifname "{OUTSIDE}" snat to {floating}' for floating, fixed in pairs]
    apply('\n'.join([
        'table ip openstack', 'delete table ip openstack', 'table ip openstack {',
        'chain prerouting {', 'type nat hook prerouting priority dstnat; policy accept', *to_fixed, '}',
        'chain postrouting {', 'type nat hook postrouting priority srcnat; policy accept', *to_floating,
        f'oifname "{OUTSIDE}" masquerade', '}',
        '}']) + '\n')
    run(['ip', 'address', 'flush', 'dev', OUTSIDE, 'label', f'{OUTSIDE}:floating'])
    for floating, _ in pairs:
        run(['ip', 'address', 'add', f'{floating}/32', 'dev', OUTSIDE, 'label', f'{OUTSIDE}:floating'])


def apply(rules, inside=()):
    run([*inside, 'nft', '-f', '-'], rules)


def run(command, text=''):
    done = subprocess.run(command, input=text, text=True, capture_output=True)
    if done.returncode:
        LOG.error('%s: %s\n%s', command, done.stderr, text)
