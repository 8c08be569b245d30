"""Makes Keystone's catalogue, and the user as which the services log in."""
import openstack

identity = openstack.connect(cloud='admin').identity
project = identity.create_project(name='service', domain_id='default')
user = identity.create_user(name='service', password='service', domain_id='default')
for name in 'admin', 'service':
    role = identity.find_role(name) or identity.create_role(name=name)
    identity.assign_project_role_to_user(project, user, role)
for name, kind, url in (
        ('placement', 'placement', ':8778'),
        ('glance', 'image', ':9292'),
        ('neutron', 'network', ':9696'),
        ('nova', 'compute', ':8774/v2.1'),
        ('cinder', 'volumev3', ':8776/v3/%(project_id)s')):
    service = identity.create_service(name=name, type=kind)
    for interface in 'public', 'internal', 'admin':
        identity.create_endpoint(service_id=service.id, interface=interface, region_id='RegionOne',
                                 url='http://10.99.0.2' + url)
