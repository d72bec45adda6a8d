# sftp_drive: the SFTP client against a server on its standard input and output, for
# tests/interop/sftp.test.mjs. --wrap counts what the client allocates.
add_executable(sftp_drive ${TESTS_DIR}/support/sftp/sftp_drive.c)
test_links(sftp_drive ssh)
target_link_options(sftp_drive PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free)
