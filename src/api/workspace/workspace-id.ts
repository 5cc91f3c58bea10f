/** Clients read the id of a workspace as a number and compare it with itself; there is only one here. */
export const WORKSPACE_ID = '1';
