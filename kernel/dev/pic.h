/* The two 8259 interrupt controllers, which we do not use: moved off the exception vectors and masked. */
#pragma once
void pic_disable(void);
