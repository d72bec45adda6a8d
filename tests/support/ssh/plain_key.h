/* A private key made for tests by ssh-keygen, not encrypted: nobody lets it in. */
#ifndef PLAIN_KEY_H
#define PLAIN_KEY_H

#define PLAIN_KEY                                                              \
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"                                    \
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n" \
    "QyNTUxOQAAACD+ON7FGyIUX+7Cby+JwUAOF08i6/DxYLR9aL8nis/UpwAAAIjo6m8M6Opv\n" \
    "DAAAAAtzc2gtZWQyNTUxOQAAACD+ON7FGyIUX+7Cby+JwUAOF08i6/DxYLR9aL8nis/Upw\n" \
    "AAAECOk3avT/vPHY+sayXmH3g660ENaGtTk3ORuEyjwiWEZP443sUbIhRf7sJvL4nBQA4X\n" \
    "TyLr8PFgtH1ovyeKz9SnAAAAAAECAwQF\n"                                       \
    "-----END OPENSSH PRIVATE KEY-----\n"

#endif
