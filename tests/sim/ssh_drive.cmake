# ssh_drive: ssh_session on a real socket, for tests/interop/ssh_native.test.mjs.
add_executable(ssh_drive ${TESTS_DIR}/support/ssh/ssh_drive.c)
test_links(ssh_drive ssh)
