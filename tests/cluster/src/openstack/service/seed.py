"""seed.py NODE...: makes what a customer of the cloud has, with a server for each node of the lab.

Prints lines NAME=VALUE: SERVER_n1, PORT_n1 and so on, PORT_mzplat, NETWORK, SUBNET, FLOATING_IP,
FLOATING_IP_ID, VOLUME.
"""
import sys

import openstack

nodes = sys.argv[1:]
admin = openstack.connect(cloud='admin')
role = next(role for role in admin.identity.roles() if role.name == 'member')
project = admin.identity.create_project(name='mz', domain_id='default')
user = admin.identity.create_user(name='mz', password='mz', domain_id='default')
admin.identity.assign_project_role_to_user(project, user, role)
flavor = admin.compute.create_flavor(name='m1.mz', ram=4096, vcpus=2, disk=20)
image = admin.image.create_image('debian-12', disk_format='raw', container_format='bare', visibility='public',
                                 data=b'no content', validate_checksum=False)
public = admin.network.create_network(name='public', is_router_external=True, provider_network_type='flat',
                                      provider_physical_network='public')
admin.network.create_subnet(name='public', network_id=public.id, ip_version=4, cidr='203.0.113.0/24',
                            is_dhcp_enabled=False)

mine = openstack.connect(cloud='mz')
network = mine.network.create_network(name='lan')
# The lab's own addresses are outside the pool.
subnet = mine.network.create_subnet(name='lan', network_id=network.id, ip_version=4, cidr='10.99.0.0/24',
                                    gateway_ip='10.99.0.254',
                                    allocation_pools=[{'start': '10.99.0.150', 'end': '10.99.0.199'}])
router = mine.network.create_router(name='router', external_gateway_info={'network_id': public.id})
mine.network.add_interface_to_router(router, subnet_id=subnet.id)
security = mine.network.create_security_group(name='cluster')
mine.network.create_security_group_rule(security_group_id=security.id, direction='ingress', ethertype='IPv4')

# The address that the cluster moves. Each node may send from it. The floating IP stays bound to its port.
virtual = mine.network.create_port(name='mzplat', network_id=network.id, security_group_ids=[security.id],
                                   fixed_ips=[{'subnet_id': subnet.id, 'ip_address': '10.99.0.100'}])
group = mine.compute.create_server_group(name='cluster', policy='anti-affinity')
servers = []
for node in nodes:
    number = node[1:]
    port = mine.network.create_port(name=node, network_id=network.id, security_group_ids=[security.id],
                                    mac_address=f'02:00:00:00:00:1{number}',
                                    allowed_address_pairs=[{'ip_address': '10.99.0.100'}],
                                    fixed_ips=[{'subnet_id': subnet.id, 'ip_address': f'10.99.0.1{number}'}])
    server = mine.compute.create_server(name=node, flavor_id=flavor.id, image_id=image.id,
                                        networks=[{'port': port.id}], scheduler_hints={'group': group.id})
    print(f'PORT_{node}={port.id}\nSERVER_{node}={server.id}')
    servers.append(server)
# Only the operator may choose the address.
floating = admin.network.create_ip(floating_network_id=public.id, floating_ip_address='203.0.113.100',
                                   project_id=project.id, port_id=virtual.id)
volume = mine.block_storage.create_volume(name='shared', size=1)
print(f'PORT_mzplat={virtual.id}\nNETWORK={network.id}\nSUBNET={subnet.id}')
print(f'FLOATING_IP={floating.floating_ip_address}\nFLOATING_IP_ID={floating.id}\nVOLUME={volume.id}')
for server in servers:
    mine.compute.wait_for_server(server, interval=0.2, wait=60)
mine.block_storage.wait_for_status(volume, 'available', interval=0.2, wait=60)
